import type { Directory } from "#shared/directory.ts";
import type { Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import type { GiteaTools, Place, Repository, User } from "#shared/gitea.ts";
import { isLeaversTeam, personMark } from "#shared/marks.ts";
import { repositoryName } from "#shared/names.ts";
import { ownAccountName } from "#shared/own-account.ts";
import { type Candidate, findAccount } from "../account/find-account.ts";
import { refuseForeign, refuseProtected, refuseService } from "../account/refuse-account.ts";

export type WorkspaceTools = GiteaTools & { directory: Directory; signal: AbortSignal };

/** What a client needs to clone, or to wait: `pending` until the journey of a spawn has come to its end. */
export type Workspace = {
  state: "ready" | "pending";
  cloneUrl: string;
  webUrl: string;
  /** As Gitea shows the person, so that commits are theirs there; before they have an account, as the directory does. */
  fullName: string;
  email: string;
};

type Owner = { user: User; team: Team };

/** `account` is the person's Gitea username, once it is theirs beyond doubt and they may sign in. */
export type Found = { workspace: Workspace; account: string | undefined };

/**
 * The workspace of whoever types `user` at the hub, read afresh from directory and Gitea; nothing is written. Whose an
 * account is, is decided as the account stage does (functions/account/README.md), and only an account that carries the
 * person's mark counts.
 * @throws Permanent for a person who may not have one (gone, disabled, outside the groups, protected, site admin, blocked,
 * an account that is somebody else's), Retryable `identity.other-id` for an account recorded for another directory id
 */
export async function findWorkspace(user: string, tools: WorkspaceTools): Promise<Found> {
  const identity = await readPerson(user, tools);
  const name = ownAccountName(identity.username, tools.settings);
  await refuseProtected([...identity.logins, name], tools);
  const candidate = await findAccount(identity, undefined, tools);
  if (candidate) await refuseAccount(candidate, identity, tools);
  const owner = candidate && ownerOf(candidate, identity);
  const login = candidate?.user.login ?? name;
  const place = { owner: tools.settings.GITEA_ORG, name: repositoryName(login, tools.settings.GITEA_REPOSITORY) };
  const repository = owner && (await findRepository(place, owner.team, tools));
  return {
    workspace: {
      state: repository && !repository.empty ? "ready" : "pending",
      ...urlsOf(repository ?? (await foretell(place, tools)), tools),
      fullName: owner?.user.full_name || identity.fullName,
      email: owner?.user.email || identity.email,
    },
    account: owner?.user.login,
  };
}

async function readPerson(user: string, { directory, signal }: WorkspaceTools): Promise<Identity> {
  const found = await directory.lookUp({ by: "name", value: user }, signal);
  if (found.state === "present") return found.identity;
  throw new Permanent(found.code, found.reason);
}

async function refuseAccount(candidate: Candidate, identity: Identity, tools: WorkspaceTools): Promise<void> {
  const { user, teams } = candidate;
  await refuseProtected([user.login], tools);
  await refuseService(user, tools);
  await refuseForeign(candidate, identity, tools);
  if (user.is_admin) {
    throw new Permanent(
      "account.site-admin",
      `${user.login} is a site admin of Gitea: no token is made for that account`,
    );
  }
  // A leaver who is back is unblocked by the spawn that is on its way; until then there is nothing to use.
  const isLeaver = teams.some(isLeaversTeam);
  if (!maySignIn(user) && !isLeaver) {
    throw new Permanent(
      "account.blocked",
      `account ${user.login} is blocked, and not by hubforge: a Gitea admin decides`,
    );
  }
}

/** Nobody as long as the account stage has not made the account theirs and the team stage has not written it down. */
function ownerOf({ user, teams, isByMark }: Candidate, identity: Identity): Owner | undefined {
  const team = teams.find(({ description }) => description === personMark(identity.directoryId));
  return isByMark && team && maySignIn(user) ? { user, team } : undefined;
}

const maySignIn = (user: User) => user.active && !user.prohibit_login;

/** Under its own name, or under the one that the person has given it; only what their own team has is theirs. */
async function findRepository(place: Place, own: Team, { gitea }: WorkspaceTools): Promise<Repository | undefined> {
  const named = await gitea.repositories.ofTeam(own.id, place);
  if (named) return named;
  const seen = await gitea.repositories.find(place);
  return seen.state === "moved" ? await gitea.repositories.ofTeam(own.id, seen.to) : undefined;
}

type Addresses = Pick<Repository, "full_name" | "clone_url" | "html_url">;

function urlsOf({ full_name, clone_url, html_url }: Addresses, { settings }: WorkspaceTools) {
  const base = settings.GITEA_CLONE_URL;
  return { cloneUrl: base ? `${base}/${full_name}.git` : clone_url, webUrl: html_url };
}

/** Where the repository will be, so that a waiting server can be set up for it: below ROOT_URL, which Gitea shows in links. */
async function foretell({ owner, name }: Place, { gitea, settings, once }: WorkspaceTools): Promise<Addresses> {
  const me = await once("service account", () => gitea.users.whoAmI());
  const page = `/${me.login}`;
  const root = me.html_url?.endsWith(page) ? me.html_url.slice(0, -page.length) : settings.GITEA_URL;
  const full_name = `${owner}/${name}`;
  return { full_name, html_url: `${root}/${full_name}`, clone_url: `${root}/${full_name}.git` };
}
