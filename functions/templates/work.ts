import type { NewCommit } from "#shared/gitea/commits.ts";
import type { Place } from "#shared/gitea.ts";

/** Ends the message of every commit of ours: whose work a head is, is read off it. */
export const TRAILER = "Hubforge-Delivery:";

/** One repository to fill: the first commit, whose id is known beforehand, and the team that proves whose it is. */
export type Work = { place: Place; teamId: number; commit: NewCommit; sha: string };

export function nameOf({ place }: Pick<Work, "place">): string {
  return `${place.owner}/${place.name}`;
}
