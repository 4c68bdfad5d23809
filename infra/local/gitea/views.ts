import { createHash } from "node:crypto";
import { isAtLeast, rightsOn } from "./rights.ts";
import type { Account, Repository, Team } from "./rows.ts";
import type { World } from "./world.ts";

/** Rows as Gitea shows them; field order as recorded. */

/**
 * The link and the switches are shown to admins and to the person; others see a blank, inactive account, and its mail
 * only when they are signed in.
 */
export function accountView(world: World, account: Account, doer: Account | null): object {
  const isFull = doer !== null && (doer.isAdmin || doer.id === account.id);
  const hash = createHash("md5")
    .update(account.email || account.name)
    .digest("hex");
  return {
    id: account.id,
    login: account.name,
    login_name: isFull ? account.loginName : "",
    source_id: isFull ? account.sourceId : 0,
    full_name: account.fullName,
    email: doer === null ? noReplyMail(world, account) : account.email,
    avatar_url: `${world.rootUrl}/avatars/${hash}`,
    html_url: `${world.rootUrl}/${account.name}`,
    language: "",
    is_admin: isFull && account.isAdmin,
    last_login: account.lastLoginAt,
    created: account.createdAt,
    restricted: isFull && account.isRestricted,
    active: isFull && account.isActive,
    prohibit_login: isFull && account.isLoginProhibited,
    location: account.location,
    website: account.website,
    description: account.description,
    visibility: account.visibility,
    followers_count: 0,
    following_count: 0,
    starred_repos_count: 0,
    username: account.name,
  };
}

function noReplyMail(world: World, account: Account): string {
  return account.email === "" ? "" : `${account.lowerName}@noreply.${new URL(world.rootUrl).hostname}`;
}

export function organisationView(world: World, organisation: Account): object {
  return {
    id: organisation.id,
    name: organisation.name,
    full_name: organisation.fullName,
    email: organisation.email,
    avatar_url: `${world.rootUrl}/avatars/${createHash("md5").update(organisation.name).digest("hex")}`,
    description: organisation.description,
    website: organisation.website,
    location: organisation.location,
    visibility: organisation.visibility,
    repo_admin_change_team_access: organisation.repositoryAdminsChangeTeams,
    username: organisation.name,
  };
}

export const unitKeys = [
  "repo.code",
  "repo.issues",
  "repo.pulls",
  "repo.releases",
  "repo.wiki",
  "repo.ext_wiki",
  "repo.ext_issues",
  "repo.projects",
  "repo.packages",
  "repo.actions",
];

/** Only admin and owner survive as `permission`; everything below is "none" and the units decide. */
export function teamView(world: World, team: Team, withOrganisation = false): object {
  const isWhole = isAtLeast(team.level, "admin");
  const units = isWhole ? Object.fromEntries(unitKeys.map((key) => [key, team.level])) : team.units;
  const organisation = world.accounts.get(team.organisationId);
  return {
    id: team.id,
    name: team.name,
    description: team.description,
    organization: withOrganisation && organisation ? organisationView(world, organisation) : null,
    includes_all_repositories: team.includesAllRepositories,
    permission: isWhole ? team.level : "none",
    units: Object.keys(units).sort(),
    units_map: Object.fromEntries(Object.entries(units).sort()),
    can_create_org_repo: team.canCreateRepositories,
  };
}

export function repositoryView(world: World, repository: Repository, doer: Account | null): object {
  const owner = world.accounts.get(repository.ownerId);
  const rights = rightsOn(world, repository, doer);
  const fullName = `${owner?.name ?? ""}/${repository.name}`;
  const web = `${world.rootUrl}/${fullName}`;
  const host = new URL(world.rootUrl).hostname;
  return {
    id: repository.id,
    owner: owner && accountView(world, owner, doer),
    name: repository.name,
    full_name: fullName,
    description: repository.description,
    empty: repository.isEmpty,
    private: repository.isPrivate,
    fork: false,
    template: repository.isTemplate,
    mirror: false,
    size: repository.isEmpty ? 24 : 26,
    language: "",
    languages_url: `${world.rootUrl}/api/v1/repos/${fullName}/languages`,
    html_url: web,
    url: `${world.rootUrl}/api/v1/repos/${fullName}`,
    link: "",
    ssh_url: `git@${host}:${fullName}.git`,
    clone_url: `${web}.git`,
    original_url: "",
    website: repository.website,
    stars_count: 0,
    forks_count: 0,
    watchers_count: 0,
    open_issues_count: 0,
    open_pr_counter: 0,
    release_counter: 0,
    default_branch: repository.defaultBranch,
    archived: repository.isArchived,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    archived_at: "1970-01-01T00:00:00Z",
    permissions: {
      admin: isAtLeast(rights.level, "admin"),
      push: isAtLeast(rights.code, "write"),
      pull: isAtLeast(rights.code, "read"),
    },
    ...unitsOfRepository,
    avatar_url: "",
    internal: !repository.isPrivate && owner?.visibility === "private",
    mirror_interval: "",
    object_format_name: "sha1",
    mirror_updated: "0001-01-01T00:00:00Z",
    topics: [],
    licenses: [],
  };
}

const unitsOfRepository = {
  has_code: true,
  has_issues: true,
  internal_tracker: {
    enable_time_tracker: true,
    allow_only_contributors_to_track_time: true,
    enable_issue_dependencies: true,
  },
  has_wiki: true,
  has_pull_requests: true,
  has_projects: true,
  projects_mode: "all",
  has_releases: true,
  has_packages: true,
  has_actions: true,
  ignore_whitespace_conflicts: false,
  allow_merge_commits: true,
  allow_rebase: true,
  allow_rebase_explicit: true,
  allow_squash_merge: true,
  allow_fast_forward_only_merge: true,
  allow_rebase_update: true,
  allow_manual_merge: false,
  autodetect_manual_merge: false,
  default_delete_branch_after_merge: false,
  default_merge_style: "merge",
  default_allow_maintainer_edit: false,
};
