import type { Group, Team } from "./envelope.ts";
import { isSame } from "./gitea/is-same.ts";
import { ADMINS_TEAM, LEAVERS_TEAM } from "./names.ts";

/**
 * Gitea is hubforge's only memory: whose a team is stands in its description. Marks count in our own organisation only and
 * are compared whole, never as a part of a text, so that nobody can write themselves into somebody's place.
 */
const OURS = "Managed by hubforge.";
const PERSON = `${OURS} Directory id: `;
const GROUP = `${OURS} Group id: `;

/** Gitea cuts what is longer, in the middle of a character. */
const DESCRIPTION_BYTES = 255;

export function personMark(directoryId: string): string {
  return `${PERSON}${directoryId}`;
}

/** The directory id that a person's own team is marked with; undefined for every other team. */
export function markedDirectoryId(team: Team): string | undefined {
  return team.description.startsWith(PERSON) ? team.description.slice(PERSON.length) : undefined;
}

/** The id finds the group again when its DN has changed; the DN is for people to read and may be cut. */
export function groupMark(group: Group): string {
  const mark = Buffer.from(`${GROUP}${group.id} DN: ${group.dn}`);
  return mark
    .subarray(0, DESCRIPTION_BYTES)
    .toString()
    .replace(/\uFFFD+$/, "");
}

export function isGroupTeam(team: Team): boolean {
  return team.description.startsWith(GROUP);
}

type Described = Pick<Team, "name" | "description">;

/** Whether hubforge made it. Somebody else's team grants nothing and says nothing, whatever its name is. */
export function isManaged({ description }: Described): boolean {
  return description.startsWith(OURS);
}

export const isAdminsTeam = (team: Described) => isKept(team, ADMINS_TEAM);
/** Who is in it follows the directory: a group's team, or the admins. */
export const isCommonTeam = (team: Team) => isGroupTeam(team) || isAdminsTeam(team);
export const isLeaversTeam = (team: Described) => isKept(team, LEAVERS_TEAM);

function isKept(team: Described, name: string): boolean {
  const { description } = team;
  return (
    isSame(team.name, name) && isManaged(team) && !description.startsWith(PERSON) && !description.startsWith(GROUP)
  );
}
