import type { Envelope, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame } from "#shared/gitea.ts";
import { markedDirectoryId, personMark } from "#shared/marks.ts";
import { teamName } from "#shared/names.ts";
import type { Ensured } from "#shared/stage.ts";
import { joinTeams } from "./join-teams.ts";
import { leaveTeams } from "./leave-teams.ts";

/**
 * The organisation exists; the person's own team exists, marked, writing, and holding the person; they are in the group
 * teams and the admins team that the directory grants, and out of those that the sync's plan names and the directory, read
 * afresh, no longer grants.
 */
export async function ensureTeam(envelope: Envelope, tools: GiteaTools): Promise<Ensured> {
  const { account, identity } = envelope;
  if (!account) return { outcome: "unchanged" }; // a leaver who never had an account
  if (!identity) {
    const hasLeft = await leaveTeams(envelope.leave, account, undefined, tools);
    return { outcome: hasLeft ? "updated" : "unchanged" };
  }
  const { gitea, settings, once } = tools;
  await once("organisation", () => gitea.organisations.ensure(settings.GITEA_ORG));
  const own = await ensureOwnTeam(envelope, tools);
  const hasJoined = await joinTeams(account, identity, tools);
  const hasLeft = await leaveTeams(envelope.leave, account, identity, tools);
  return {
    outcome: own.outcome === "unchanged" && (hasJoined || hasLeft) ? "updated" : own.outcome,
    learned: { team: { id: own.team.id, name: own.team.name } },
  };
}

type Own = { team: Team; outcome: Ensured["outcome"] };

async function ensureOwnTeam(envelope: Envelope, tools: GiteaTools): Promise<Own> {
  const { gitea, settings } = tools;
  const { account, identity, rebind } = envelope;
  if (!account || !identity) throw new Permanent("envelope.invalid", "the team stage needs an account and an identity");
  const mark = personMark(identity.directoryId);
  const reserved = Object.values(settings.GROUP_TEAMS).map(({ team }) => team);
  const name = teamName(account.username, settings.GITEA_TEAM, reserved);

  const marked = account.teams.find((team) => team.description === mark);
  if (marked) return await repair(marked, mark, tools);
  const rebound = account.teams.find((team) => rebind !== undefined && markedDirectoryId(team) === rebind.from);
  if (rebound) return await repair(rebound, mark, tools);
  const unmarked = account.teams.find((team) => isSame(team.name, name) && markedDirectoryId(team) === undefined);
  if (unmarked) return await adopt(unmarked, mark, account.username, tools);

  const made = await gitea.teams.create(name, mark, "write");
  const team = made ?? (await gitea.teams.findByName(name));
  if (!team) throw new Permanent("team.refused", `Gitea refuses to make a team named "${name}"`);
  if (team.description !== mark) throw taken(team, `it is described as "${team.description}"`);
  await gitea.teams.addMember(team, account.username);
  return { team, outcome: "created" };
}

/** Ours, but perhaps with an old id in its mark or with rights that somebody changed. */
async function repair(team: Team, mark: string, { gitea }: GiteaTools): Promise<Own> {
  const isMarked = team.description === mark;
  if (isMarked && team.level === "write") return { team, outcome: "unchanged" };
  await gitea.teams.change(team, { description: mark, ...(team.level === "write" ? {} : { level: "write" }) });
  return { team, outcome: "updated" };
}

/** What the platform's operator made before: a team of the person's name, holding that person only, with write. */
async function adopt(team: Team, mark: string, username: string, tools: GiteaTools): Promise<Own> {
  const others = (await tools.gitea.teams.members(team)).filter((member) => !isSame(member, username));
  if (others.length > 0) throw taken(team, `it holds ${others.join(", ")} as well`);
  if (team.level !== "write") throw taken(team, "it does not have write access to code");
  return await repair(team, mark, tools);
}

function taken(team: Team, why: string): Permanent {
  return new Permanent(
    "team.taken",
    `team ${team.name} has the name of the person's own team but is somebody else's: ${why}. Rename it, then replay`,
  );
}
