import * as z from "zod";
import type { LambdaContext } from "#shared/batch.ts";
import type { Environment } from "#shared/config.ts";
import { LAST_WORDS_SHARE, within } from "#shared/deadline.ts";
import { Permanent } from "#shared/errors.ts";
import { countsOf, logIncomplete, logRun } from "./log-run.ts";
import { connectSync, type Progress, runSync } from "./run-sync.ts";

/** What may be asked of a run; a misspelt wish must not be taken for none, and run for real. */
const Wish = z
  .strictObject({
    dryRun: z.boolean().optional(),
    confirm: z.string().optional(),
    rebind: z.string().optional(),
  })
  .refine(({ confirm, rebind }) => confirm === undefined || rebind === undefined, {
    message: "confirm and rebind are two decisions: one at a time",
  });

/** EventBridge's own, with the many fields of a rule's event, by a schedule or after a deployment: it asks nothing. */
const Woken = z.looseObject({ source: z.string(), "detail-type": z.string() });

function wishOf(event: unknown): z.infer<typeof Wish> {
  if (Woken.safeParse(event).success) return {};
  const { data, error } = Wish.safeParse(event ?? {});
  if (data) return data;
  throw new Permanent("event.invalid", `nothing was done: ${z.prettifyError(error)}`);
}

/** The scheduled function: one run, told in the log. It throws where the run was not complete, so that Lambda counts it. */
export function syncDirectory(environment: Environment = process.env) {
  return async (event: unknown, context: LambdaContext) => {
    const startedAt = Date.now();
    const progress: Progress = { people: 0, accounts: 0, sent: 0 };
    const signal = within(context, LAST_WORDS_SHARE);
    const requests = { total: 0, writes: 0 };
    try {
      const { dryRun = false, ...consent } = wishOf(event);
      const tools = (await connectSync(environment))({ signal, requests });
      const onProgress = (now: Progress) => Object.assign(progress, now);
      const run = await runSync({ ...consent, isDryRun: dryRun, now: new Date(), onProgress }, tools);
      logRun(run, Date.now() - startedAt, requests.total);
      const { guards, hash, rebindHash, refusal } = run;
      return { counts: countsOf(run), guards, hash, rebindHash, refusal };
    } catch (error) {
      logIncomplete(error, progress, Date.now() - startedAt);
      throw error;
    }
  };
}
