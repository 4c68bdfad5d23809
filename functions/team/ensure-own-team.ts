import type { Envelope, Identity, Team } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { type GiteaTools, isSame } from "#shared/gitea.ts";
import { isManaged, markedDirectoryId, personMark } from "#shared/marks.ts";
import { ownTeamName } from "#shared/own-team.ts";
import type { Ensured } from "#shared/stage.ts";

const RIGHTS = { level: "write", hasAllRepositories: false } as const;

type Person = { account: NonNullable<Envelope["account"]>; identity: Identity; formerId: string | undefined };
type Own = { team: Team; outcome: Ensured["outcome"] };

/**
 * The person's own team: marked with their directory id, with write, and holding them. It is found by its mark, whatever its
 * name is by now.
 * @throws Permanent `team.taken` when a team of that name is somebody else's
 */
export async function ensureOwnTeam({ account, identity, formerId }: Person, tools: GiteaTools): Promise<Own> {
  const { gitea, settings } = tools;
  const mark = personMark(identity.directoryId);
  const marks = formerId === undefined ? [mark] : [mark, personMark(formerId)];
  const name = ownTeamName(account.username, settings);

  const [marked] = marks.flatMap((each) => account.teams.filter((team) => team.description === each));
  if (marked) return await repair(marked, mark, tools);
  const unmarked = account.teams.find((team) => isSame(team.name, name) && markedDirectoryId(team) === undefined);
  if (unmarked) return await adopt(unmarked, mark, account.username, tools);

  const made = await gitea.teams.create(name, mark, RIGHTS);
  const team = made ?? (await gitea.teams.findByName(name));
  if (!team) throw new Permanent("team.refused", `Gitea refuses to make a team named "${name}"`);
  if (!marks.includes(team.description)) throw taken(team, `it is described as "${team.description}"`);
  if (!made) await repair(team, mark, tools);
  await gitea.teams.addMember(team, account.username);
  return { team, outcome: made ? "created" : "updated" };
}

/** Ours, but perhaps with an old id in its mark or with rights that somebody changed. */
async function repair(team: Team, mark: string, { gitea }: GiteaTools): Promise<Own> {
  const isRight = team.level === RIGHTS.level;
  if (isRight && team.description === mark) return { team, outcome: "unchanged" };
  await gitea.teams.change(team, { description: mark, ...(isRight ? {} : { rights: RIGHTS }) });
  return { team, outcome: "updated" };
}

/** What the platform's operator made before: a team of the person's name, holding that person only, with write. */
async function adopt(team: Team, mark: string, username: string, tools: GiteaTools): Promise<Own> {
  if (isManaged(team)) throw taken(team, `it is described as "${team.description}"`);
  const others = (await tools.gitea.teams.members(team)).filter((member) => !isSame(member, username));
  if (others.length > 0) throw taken(team, `it holds ${others.join(", ")} as well`);
  if (team.level !== RIGHTS.level) throw taken(team, "it does not have write access to code, or to every repository");
  return await repair(team, mark, tools);
}

function taken(team: Team, why: string): Permanent {
  return new Permanent(
    "team.taken",
    `team ${team.name} has the name of the person's own team but is somebody else's: ${why}. Rename it, then replay`,
  );
}
