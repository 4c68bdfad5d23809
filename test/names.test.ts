import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Permanent } from "#shared/errors.ts";
import { accountName, isAccountName, repositoryName, teamName } from "#shared/names.ts";
import { ownAccountName } from "#shared/own-account.ts";

const REPOSITORY = "jupyterhub-{username}";
const GROUP_TEAMS = ["datasci", "Course-2026"];

describe("the account name of a directory's username", () => {
  // Hashes by `printf %s <folded name> | sha256sum`, the first twelve digits.
  it.each([
    ["ada", "ada"],
    ["Ada", "Ada"],
    ["J.Doe", "J.Doe"],
    ["1abc", "1abc"],
    ["a_b", "a_b"],
    ["foo.git", "foo.git"],
    ["owners", "owners"],
    ["x".repeat(40), "x".repeat(40)],
    ["student-202412345678", "student-202412345678"],
    ["ａｄａ", "ada"],
    ["user@email.com", "user-email-com-h0925f997eb0d"],
    ["trailing-", "trailing-hb520d72a4f3f"],
    ["trailing.", "trailing-h44c12a4e432e"],
    ["_ada", "ada-h2a250724e8e2"],
    ["a--b", "a-b-h90827a2e5636"],
    ["J..Doe", "j-doe-h281d60df7b1a"],
    ["müller", "muller-h2dbd21807211"],
    ["mu\u0308ller", "muller-h2dbd21807211"],
    ["MÜLLER", "muller-h2dbd21807211"],
    ["日本", "user-hcf2abf0c5be3"],
    ["philip j. fry", "philip-j-fry-h116f50bed424"],
    ["👩‍🚀", "user-hbaf35f72ea6b"],
    ["\u200fada", "ada-hb720574621b5"],
    ["..", "user-h5ec1f7e700f3"],
    ["api", "api-h14c2529eb449"],
    ["Ghost", "ghost-head6ef03d61e"],
    ["favicon.ico", "favicon-ico-h41447798d348"],
    ["ada.keys", "ada-keys-h1e204c9e9c0b"],
    ["hubforge", "hubforge-ha1f7d4c67e8c"],
    ["x".repeat(41), `${"x".repeat(26)}-h3164596df4fd`],
    ["z".repeat(300), `${"z".repeat(26)}-h7cf7dc7f99e7`],
    ["muller-h2dbd21807211", "muller-h2dbd21807211-h7448655fb814"],
  ])("gives %j the name %s", (username, expected) => {
    expect(accountName(username)).toBe(expected);
  });

  it.each(["", "ada\0", "ada\n", "\u0085ada", "\ud800", "ada\ufffe", "ada\uffff", "ada\ufffd"])(
    "refuses %j, which no queue carries unchanged",
    (username) => {
      expect(() => accountName(username)).toThrow(
        expect.objectContaining({ constructor: Permanent, code: "name.unmappable" }),
      );
    },
  );

  it("is never the organisation's, in any case or form", () => {
    const named = ["ilum-jupyterhub", "Ilum-JupyterHub", "ｉlum-jupyterhub"].map((username) =>
      ownAccountName(username, { GITEA_ORG: "ilum-JUPYTERHUB" }),
    );
    expect(new Set(named)).toEqual(new Set(["ilum-jupyterhub-h61eca5afd613"]));
  });

  it("is always one that Gitea takes", () => {
    fc.assert(
      fc.property(anyUsername, (username) => {
        const name = accountName(username);
        expect(faultsOfAccount(name)).toEqual([]);
        expect(isAccountName(name)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is shared by two usernames exactly when they are one person", () => {
    fc.assert(
      fc.property(anyUsername, relatedUsername, (first, relate) => {
        const second = relate(first);
        fc.pre(isMappable(second));
        const isOnePerson = inLdap(first) === inLdap(second);
        for (const reserved of [[], [first], ["ada"]]) {
          const [one, two] = [accountName(first, reserved), accountName(second, reserved)];
          expect(inGitea(one) === inGitea(two)).toBe(isOnePerson);
        }
      }),
      { numRuns: 4_000 },
    );
  });
});

describe("the names of a person's team and repository", () => {
  it.each([
    ["ada", "jupyterhub-ada", "ada"],
    ["Ada", "jupyterhub-Ada", "Ada"],
    ["foo.git", "jupyterhub-foo-git-h1b57a3631415", "foo.git"],
    ["ada.wiki", "jupyterhub-ada-wiki-hf277bc2255b4", "ada.wiki"],
    ["owners", "jupyterhub-owners", "owners-h6f0e3a8c0eb4"],
    ["New", "jupyterhub-New", "new-h11507a0e2f5e"],
    ["admins", "jupyterhub-admins", "admins-hfa956b808c8f"],
    ["Leavers", "jupyterhub-Leavers", "leavers-h386602b72b20"],
    ["DataSci", "jupyterhub-DataSci", "datasci-h6cdfceaef795"],
    ["muller-h2dbd21807211", "jupyterhub-muller-h2dbd21807211", "muller-h2dbd21807211"],
  ])("of the account %s are %s and %s", (account, repository, team) => {
    expect(repositoryName(account, REPOSITORY)).toBe(repository);
    expect(teamName(account, "{username}", GROUP_TEAMS)).toBe(team);
  });

  it("treat a pattern's text as text", () => {
    expect(repositoryName("ada", "{username}-nb-{username}")).toBe("ada-nb-ada");
    expect(teamName("ada", "team_{username}", [])).toBe("team_ada");
  });

  it("are refused with the pattern's name when the pattern is what Gitea refuses", () => {
    for (const pattern of ["{username}.git", "my {username}", "a..{username}", `${"x".repeat(100)}{username}`]) {
      expect(() => repositoryName("ada", pattern)).toThrow(/pattern/);
    }
    expect(() => teamName("ada", "team of {username}", [])).toThrow(/pattern/);
  });

  it("are always ones that Gitea takes, and unique for each account", () => {
    const patterns = fc.constantFrom("{username}", REPOSITORY, "{username}.x", "t_{username}");
    fc.assert(
      fc.property(anyUsername, relatedUsername, patterns, (username, relate, pattern) => {
        fc.pre(isMappable(relate(username)));
        const [one, two] = [accountName(username), accountName(relate(username))];
        const repositories = [one, two].map((account) => repositoryName(account, pattern));
        const teams = [one, two].map((account) => teamName(account, pattern, GROUP_TEAMS));
        expect(repositories.flatMap(faultsOfRepository)).toEqual([]);
        expect(teams.flatMap(faultsOfTeam)).toEqual([]);
        const isOnePerson = inGitea(one) === inGitea(two);
        for (const names of [repositories, teams]) expect(new Set(names.map(inGitea)).size === 1).toBe(isOnePerson);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Written from what Gitea was seen to refuse, and not from the code: what is wrong with a name, in Gitea's eyes. */
function faultsOfAccount(name: string): string[] {
  const reserved =
    ". .. .well-known api metrics v2 assets attachments avatar avatars repo-avatars captcha login org repo user explore issues pulls milestones notifications favicon.ico manifest.json robots.txt sitemap.xml ssh_info swagger.v1.json ghost gitea-actions".split(
      " ",
    );
  return [
    ...(/^[\da-zA-Z][-.\w]*$/.test(name) ? [] : ["form"]),
    ...(/[-_.]{2}/.test(name) ? ["two in a row"] : []),
    ...(/[-_.]$/.test(name) ? ["at the end"] : []),
    ...(name.length > 40 ? ["length"] : []),
    ...(reserved.includes(name.toLowerCase()) ? ["reserved"] : []),
    ...([".keys", ".gpg", ".rss", ".atom", ".png"].some((end) => name.toLowerCase().endsWith(end)) ? ["pattern"] : []),
  ];
}

function faultsOfRepository(name: string): string[] {
  return [
    ...(/^[A-Za-z0-9._-]{1,100}$/.test(name) ? [] : ["form"]),
    ...([".", "-"].includes(name) || name.includes("..") ? ["dots or dash"] : []),
    ...([".git", ".wiki", ".rss", ".atom"].some((end) => name.toLowerCase().endsWith(end)) ? ["pattern"] : []),
  ];
}

function faultsOfTeam(name: string): string[] {
  const ours = ["admins", "leavers", ...GROUP_TEAMS];
  return [
    ...(/^[A-Za-z0-9._-]{1,255}$/.test(name) ? [] : ["form"]),
    ...(["owners", "new"].includes(name.toLowerCase()) ? ["trap"] : []),
    ...(ours.some((team) => team.toLowerCase() === name.toLowerCase()) ? ["ours"] : []),
  ];
}

function inGitea(name: string): string {
  return name.toLowerCase();
}

function inLdap(username: string): string {
  return username.normalize("NFKC").toLowerCase().normalize("NFKC");
}

function isMappable(username: string): boolean {
  return username !== "" && username.isWellFormed() && !/[\p{Cc}\ufffd\ufffe\uffff]/u.test(username);
}

const pieces = [
  "a",
  "A",
  "1",
  "-",
  "_",
  ".",
  "..",
  "@",
  " ",
  "ü",
  "u\u0308",
  "İ",
  "ß",
  "日",
  "\u200f",
  "👩‍🚀",
  "x".repeat(20),
];
const words = [
  "api",
  "user",
  "owners",
  "new",
  "admins",
  "datasci",
  "hubforge",
  ".git",
  ".wiki",
  ".keys",
  "-h0123456789ab",
];
const anyUsername = fc
  .oneof(
    fc.array(fc.constantFrom(...pieces, ...words), { minLength: 1, maxLength: 6 }).map((chosen) => chosen.join("")),
    fc.string({ unit: "binary", minLength: 1, maxLength: 300 }),
    fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 45 }),
  )
  .filter(isMappable);

/** A second username that is likely to be taken for the first. */
const relatedUsername = fc.oneof(
  anyUsername.map((other) => (_: string) => other),
  fc.constantFrom(
    (name: string) => name.toUpperCase(),
    (name: string) => name.toLowerCase(),
    (name: string) => name.normalize("NFD"),
    (name: string) => accountName(name),
    (name: string) => repositoryName(accountName(name), "{username}"),
    (name: string) => `${name}-`,
    (name: string) => name.replaceAll(".", "-"),
    (name: string) => name.replaceAll("@", "-"),
  ),
);
