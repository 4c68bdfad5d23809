import * as z from "zod";
import type { World } from "./world.ts";

/** Where a `stopAt` switch can cut a request short, in the order in which a repository comes to be. */
const checkpoints = [
  "repository.row",
  "repository.directory",
  "repository.head",
  "contents.commit",
  "contents.ref",
] as const;
type Checkpoint = (typeof checkpoints)[number];

export const switchesSchema = z.object({
  /** A push flips `empty` this much later; null: never. */
  emptyAfterPushMilliseconds: z.number().nullable(),
  /** How long a contents call spends in its hooks; a real one needs about 400. */
  commitMilliseconds: z.number(),
  /** Time between looking for a team of that name and writing the row: with it two overlapping creates both succeed. */
  teamRaceMilliseconds: z.number(),
  /** The same for token names; a real Gitea nearly always makes two tokens of two mints at once. */
  tokenRaceMilliseconds: z.number(),
  /** The next request that gets there ends, and nothing after that point happens. */
  stopAt: z.enum(checkpoints).nullable(),
  /** EMAIL_DOMAIN_ALLOWLIST; null: every domain. */
  mailDomain: z.string().nullable(),
});
export type Switches = z.infer<typeof switchesSchema>;

export function defaultSwitches(): Switches {
  return {
    emptyAfterPushMilliseconds: 300,
    commitMilliseconds: 0,
    teamRaceMilliseconds: 0,
    tokenRaceMilliseconds: 5,
    stopAt: null,
    mailDomain: null,
  };
}

/** Thrown at a checkpoint: the request gets no answer and what it did so far stays. */
export class Stopped extends Error {}

/** Passes, unless the switch says that it ends here: with the whole process, where the stand-in has one of its own. */
export function checkpoint(world: World, here: Checkpoint): void {
  if (world.switches.stopAt !== here) return;
  world.switches.stopAt = null;
  if (world.hasOwnProcess) process.kill(process.pid, "SIGKILL");
  throw new Stopped(here);
}

export function wait(milliseconds: number): Promise<void> {
  return milliseconds > 0 ? new Promise((resolve) => setTimeout(resolve, milliseconds)) : Promise.resolve();
}
