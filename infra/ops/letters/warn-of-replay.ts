import type { Environment } from "#shared/config.ts";
import type { ReplayPlan } from "./plan-replay.ts";
import type { Reading } from "./read-letters.ts";
import { type Warning, warnOfOutside, warnOfPlan, warnOfReading } from "./warn.ts";

type Asked = { plan: ReplayPlan; reading: Reading; environment: Environment; now: Date; isAsking: boolean };

/** All that somebody should know before a replay: from the reading, from the letters and, if asking, from LDAP and Gitea. */
export async function warnOfReplay({ plan, reading, environment, now, isAsking }: Asked): Promise<Warning[]> {
  const known = [...warnOfReading(reading), ...warnOfPlan(plan, reading.letters, now)];
  if (!isAsking || plan.steps.length === 0) return known;
  // Loaded only here: looking at letters needs neither Gitea's client nor LDAP's.
  const { connectForesight } = await import("./foresee.ts");
  const foresight = await connectForesight(environment);
  if ("why" in foresight) {
    const text = `LDAP and Gitea were not asked what a replay would come to: ${foresight.why}`;
    return [...known, { code: "not-asked", text, ids: [] }];
  }
  return [...known, ...(await warnOfOutside(plan, foresight.foresee))];
}
