import { afterAll, describe, expect, it } from "vitest";
import { type Answer, openGitea } from "../support/gitea.ts";
import {
  basic,
  itemsIn,
  newOrganisation,
  newPerson,
  newRepository,
  newTeam,
  newToken,
} from "../support/gitea-builders.ts";
import { isNewerThan125 } from "./gitea-versions.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

const organisation = await newOrganisation(gitea);
const team = await newTeam(gitea, organisation, "first");
const alice = await newPerson(gitea);
const bob = await newPerson(gitea);
for (const { name } of [alice, bob]) await gitea.send("PUT", `/api/v1/teams/${team}/members/${name}`);

/** After 1.25 every list pages without being asked, and all but the tokens have a `Link`. */
const isNewer = isNewerThan125(gitea.version);

const length = (answer: Answer) => itemsIn(answer).length;
const total = (answer: Answer) => Number(answer.headers.get("x-total-count"));
const rel = (answer: Answer) =>
  [...(answer.headers.get("link") ?? "").matchAll(/rel="(\w+)"/g)].map(([, name]) => name);

describe("a list that always pages", async () => {
  await Promise.all(Array.from({ length: 3 }, (_, at) => newTeam(gitea, organisation, `team-${at}`)));
  for (const name of ["one", "two", "three"]) await newRepository(gitea, organisation, name);
  await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/one`);
  await gitea.send("PUT", `/api/v1/teams/${team}/repos/${organisation.name}/two`);

  it.each([
    ["teams of an organisation", `${organisation.path}/teams`, 5, false],
    ["repositories of an organisation", `${organisation.path}/repos`, 3, true],
    ["repositories of a team", `/api/v1/teams/${team}/repos`, 2, false],
    ["members of an organisation", `${organisation.path}/members`, 3, false],
  ])("takes limit without page: %s", async (_what, path, all, hasLink) => {
    const first = await gitea.send("GET", `${path}?limit=1`);
    expect([length(first), total(first)]).toEqual([1, all]);
    expect(rel(first)).toEqual(hasLink || isNewer ? ["next", "last"] : []);
    const past = await gitea.send("GET", `${path}?limit=1&page=99`);
    expect([past.status, length(past), total(past)]).toEqual([200, 0, all]);
  });
});

describe("a list that pages only when asked", async () => {
  await newToken(gitea, alice.name, ["read:user"]);
  await newToken(gitea, alice.name, ["read:user"]);

  it.each([
    ["members of a team", `/api/v1/teams/${team}/members`, false],
    ["tokens", `/api/v1/users/${alice.name}/tokens`, false],
    ["accounts", "/api/v1/admin/users", true],
    ["organisations", "/api/v1/admin/orgs", true],
  ])("ignores limit without page: %s", async (what, path, hasLink) => {
    const as = what === "tokens" ? { as: basic(gitea.service, gitea.token) } : {};
    const whole = await gitea.send("GET", `${path}?limit=1`, as);
    expect(length(whole)).toBe(isNewer ? 1 : total(whole));
    const page = await gitea.send("GET", `${path}?limit=1&page=1`, as);
    expect(length(page)).toBe(1);
    const isLinked = hasLink || (isNewer && what !== "tokens");
    if (total(whole) > 1) expect(rel(page)).toEqual(isLinked ? ["next", "last"] : []);
  });

  it("links to the pages before and after, with the rest of the query", async () => {
    const path = `/api/v1/admin/users?limit=1&page=2&source_id=0`;
    const { headers } = await gitea.send("GET", path);
    const last = headers.get("x-total-count");
    const to = (page: string | number | null) => `<${gitea.url}/api/v1/admin/users?limit=1&page=${page}&source_id=0>`;
    const expected = `${to(3)}; rel="next",${to(last)}; rel="last",${to(1)}; rel="first",${to(1)}; rel="prev"`;
    expect(headers.get("link")).toBe(expected);
  });
});

describe("a page", async () => {
  const crowd = await newOrganisation(gitea);
  await Promise.all(
    Array.from({ length: 52 }, (_, at) => newTeam(gitea, crowd, `team-${String(at).padStart(2, "0")}`)),
  );
  const path = `${crowd.path}/teams`;

  it("has thirty items, fifty at most, and says how many there are", async () => {
    for (const [query, items] of [
      ["", 30],
      ["?page=1", 30],
      ["?limit=0", 30],
      ["?limit=100", 50],
      ["?limit=50&page=2", 3],
    ] as const) {
      const answer = await gitea.send("GET", path + query);
      expect([query, length(answer), total(answer)]).toEqual([query, items, 53]);
    }
  });
});
