import type { Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { isSame, type User } from "#shared/gitea.ts";
import { markedDirectoryId, personMark } from "#shared/marks.ts";
import { ownAccountName } from "#shared/own-account.ts";
import { ownTeamName } from "#shared/own-team.ts";
import { shellWord } from "#shared/shell-word.ts";
import { findMarkedAccount } from "../../../functions/account/find-account.ts";
import { refuseProtected, refuseService } from "../../../functions/account/refuse-account.ts";
import { type Outside, WouldWrite } from "../outside.ts";
import { type MarkedAccount, markAccount } from "./link-account.ts";

/** What it takes to make an account a person's on purpose. */
export type LinkPlan = {
  identity: Identity;
  account: User;
  teams: Team[];
  link: { source_id: number; login_name: string };
  /** For people: what changes, from what to what. Empty when the account is theirs already. */
  changes: { what: string; from: string; to: string }[];
  /** What somebody should know before. */
  warnings: string[];
};

/**
 * Gives the account `name` (by default the person's own name) to `identity`. The table "who is who" of functions/account/README.md says when an account is
 * somebody else's; a person decides here that it is not, within limits.
 * `tools` must not be able to write: a part of it is a rehearsal.
 * @throws Permanent `link.*`, `person.protected`, `team.taken` for what is never linked: an organisation, a site admin,
 * hubforge's own account, one marked as another human's, a second one of the same human, one whose team is somebody else's.
 */
export async function planLink(identity: Identity, name: string | undefined, tools: Outside): Promise<LinkPlan> {
  const { gitea, settings } = tools;
  const account = await gitea.users.find(name ?? ownAccountName(identity.username, settings));
  if (!account) {
    const wanted = name ?? ownAccountName(identity.username, settings);
    throw new Permanent("link.missing", `Gitea has no account ${wanted}: nothing to link, the next spawn makes one`);
  }
  await refuseProtected([...identity.logins, account.login], tools);
  await refuseService(account, tools);
  await refuseUnlinkable(account, tools);
  const teams = await gitea.teams.ofPerson(account.login);
  refuseOtherHuman(account, teams, identity);
  await refuseSecond(account, identity, tools);
  await refuseOtherTeam({ account, teams, identity }, tools);

  const hasTheirName = identity.logins.some((login) => isSame(login, account.login_name));
  const link = {
    source_id: settings.GITEA_AUTH_SOURCE_ID,
    login_name: hasTheirName ? account.login_name : identity.username,
  };
  const mark = teams.map(markedDirectoryId).find((id) => id !== undefined);
  const changes = [
    { what: "authentication source", from: String(account.source_id), to: String(link.source_id) },
    { what: "login name there", from: account.login_name, to: link.login_name },
    { what: `mark of team ${ownTeamName(account.login, settings)}`, from: mark ?? "", to: identity.directoryId },
  ].filter(({ from, to }) => from !== to);
  return { identity, account, teams, link, changes, warnings: await warningsOf(account, identity, tools) };
}

async function refuseUnlinkable(account: User, { gitea }: Outside): Promise<void> {
  if (account.source_id === 0 && (await gitea.organisations.isThere(account.login))) {
    throw new Permanent("link.organisation", `${account.login} is an organisation: rename one of the two`);
  }
  if (account.is_admin) {
    const advice = "a Gitea admin sets its authentication source and name on its page, if it is theirs";
    throw new Permanent("link.admin", `${account.login} is a site admin, whom hubforge never changes: ${advice}`);
  }
}

function refuseOtherHuman({ login }: User, teams: readonly Team[], { username, directoryId }: Identity): void {
  const other = teams.map(markedDirectoryId).find((id) => id !== undefined && id !== directoryId);
  if (other === undefined) return;
  const advice = `if that is the same human with a new id: hubforge accounts rebind ${shellWord(username)}`;
  throw new Permanent(
    "link.other-id",
    `account ${login} is marked as directory id ${other}'s, not ${directoryId}: ${advice}`,
  );
}

/** The mark decides which account is somebody's: a second one would never be used. */
async function refuseSecond(
  { id, login }: User,
  { username, directoryId, logins }: Identity,
  tools: Outside,
): Promise<void> {
  const marked = await findMarkedAccount(directoryId, tools, logins);
  if (!marked || marked.user.id === id) return;
  throw new Permanent(
    "link.second",
    `${username} has account ${marked.user.login} already; ${login} would be a second one`,
  );
}

/**
 * Whether their own team could be marked: a team of its name that they are in, by the very code that will do it; one that
 * they are not in is somebody else's.
 */
async function refuseOtherTeam(link: MarkedAccount, tools: Outside): Promise<void> {
  const { account, teams, identity } = link;
  const named = await tools.gitea.teams.findByName(ownTeamName(account.login, tools.settings));
  const isTheirs = teams.some(({ id }) => id === named?.id) || named?.description === personMark(identity.directoryId);
  if (named && !isTheirs) {
    const advice = "rename it, or put the person into it";
    throw new Permanent(
      "team.taken",
      `team ${named.name} has the name of the person's own team but is somebody else's: ${advice}`,
    );
  }
  await markAccount(link, tools).catch((error: unknown) => {
    if (!(error instanceof WouldWrite)) throw error;
  });
}

async function warningsOf(account: User, { directoryId }: Identity, tools: Outside): Promise<string[]> {
  const { login, login_name, source_id, prohibit_login } = account;
  const warnings: string[] = [];
  if (source_id === 0)
    warnings.push(`${login} signs in with a password of Gitea's own now; from then on with the directory's`);
  if (source_id !== 0 && source_id !== tools.settings.GITEA_AUTH_SOURCE_ID)
    warnings.push(
      `${login} signs in through authentication source ${source_id} now; from then on through the directory`,
    );
  if (prohibit_login) warnings.push(`${login} is blocked from signing in, and stays so: a Gitea admin decides that`);
  if (source_id === tools.settings.GITEA_AUTH_SOURCE_ID && login_name !== "") {
    const owner = await tools.directory.lookUp({ by: "name", value: login_name }, tools.signal);
    if (owner.state === "present" && owner.identity.directoryId !== directoryId)
      warnings.push(`"${login_name}" (${owner.identity.dn}) signs in to ${login} now, and will not any more`);
  }
  return warnings;
}
