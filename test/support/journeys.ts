import type { Failure } from "#shared/envelope.ts";
import type { LogLine } from "#shared/log.ts";

/** What each stage said, in the order in which they ran: `["identity.unchanged", "account.created", …]`. */
export function outcomes(lines: LogLine[]): string[] {
  return lines.flatMap(({ event, outcome, stage }) => (outcome && event === `${stage}.${outcome}` ? [event] : []));
}

export const requestsOf = (lines: LogLine[]) => total(lines.map(({ giteaRequests = 0 }) => giteaRequests));
export const writesOf = (lines: LogLine[]) => total(lines.map(({ giteaWrites = 0 }) => giteaWrites));

const total = (numbers: number[]) => numbers.reduce((sum, each) => sum + each, 0);

/** Every stage of a spawn found everything as it should be, and wrote nothing. */
export const NOTHING_TO_DO = {
  outcomes: [
    "identity.unchanged",
    "account.unchanged",
    "team.unchanged",
    "repository.unchanged",
    "templates.unchanged",
  ],
  writes: 0,
};
export const summary = (lines: LogLine[]) => ({ outcomes: outcomes(lines), writes: writesOf(lines) });

/** The letters about one person, `<stage> <class> <code>` each. */
export function lettersOf(letters: Failure[], user: string): string[] {
  return letters
    .filter(({ envelope }) => envelope?.delivery.user === user)
    .map((letter) => `${letter.stage} ${letter.class} ${letter.code}`);
}
