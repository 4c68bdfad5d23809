import { Permanent } from "#shared/errors.ts";
import { stage } from "#shared/stage.ts";

/**
 * The account stage as a process of its own, which some people are deadly to: it ends at once, or never gives the processor
 * back. Talks to its parent as Lambda's runtime does to a function: one event in, one answer out.
 */
const handler = stage(
  "account",
  async () => () => ({}),
  async ({ delivery: { user } }) => {
    if (user.startsWith("killer")) process.kill(process.pid, "SIGKILL");
    if (user.startsWith("spinner")) for (;;);
    if (user.startsWith("stranger")) throw new Permanent("account.taken", "somebody else's");
    return { outcome: "unchanged" };
  },
);

process.on("message", async ({ event, milliseconds }) => {
  const answer = await handler(event, { getRemainingTimeInMillis: () => milliseconds });
  process.send?.({ answer });
});
process.send?.("ready");
