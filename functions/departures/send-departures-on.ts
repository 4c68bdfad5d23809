import { type BatchHandler, batchHandler } from "#shared/batch.ts";
import type { Environment } from "#shared/config.ts";
import { LAST_WORDS_SHARE, within } from "#shared/deadline.ts";
import { invalidFailureOf, writeLetter } from "#shared/letters.ts";
import { log, subjectOf } from "#shared/log.ts";
import { parseEnvelope } from "#shared/parse-envelope.ts";
import { DEPARTURES, ROUTES } from "#shared/pipeline.ts";
import { createSender } from "#shared/queue.ts";
import { asStageError } from "#shared/settle.ts";

/**
 * A departure that has waited goes to the first stage of its route, into its person's line there, so that it never runs
 * beside a spawn (shared/README.md §2). The second look is the identity stage's.
 */
export function sendDeparturesOn(environment: Environment = process.env): BatchHandler {
  const sender = createSender(environment);
  return batchHandler(async (message, context) => {
    const signal = within(context, LAST_WORDS_SHARE);
    const { envelope, problem } = parseEnvelope(message.body);
    if (!envelope) {
      const failure = invalidFailureOf(problem, { stage: DEPARTURES, message });
      return await writeLetter(failure, { sender, message, signal });
    }
    try {
      await sender.sendEnvelope(ROUTES[envelope.route][0], envelope, signal);
      log("departure.sent-on", subjectOf(envelope));
      return true;
    } catch (thrown) {
      const { code, message: reason } = asStageError(thrown);
      log("departure.not-sent-on", { ...subjectOf(envelope), code, reason });
      return false;
    }
  });
}
