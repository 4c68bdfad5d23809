import { type Environment, loadSettings, SettingsError } from "./config.ts";
import { log } from "./log.ts";
import type { WebhookSecrets } from "./signature.ts";

/** A rotated secret counts within a minute, without a new deployment and without a look-up per request. */
const KEEP_MILLISECONDS = 60_000;

/** Through an outage of the secret store. No longer: a secret that was deleted, or mistyped, must not count for ever. */
const TRUST_MILLISECONDS = 15 * 60_000;

/** A store that refuses is not asked again by everybody who knocks. */
const PAUSE_MILLISECONDS = 2_000;

/**
 * Reads `WEBHOOK_SECRETS` when first asked and again each minute. A later read that fails keeps the last good value for a
 * quarter of an hour, and says so in the log; the hub keeps what is not accepted after that.
 * @throws SettingsError when they are not readable
 */
export function webhookSecretsOf(environment: Environment, now = () => new Date()): () => Promise<WebhookSecrets> {
  let known: WebhookSecrets | undefined;
  let failure: unknown;
  let [askedAt, readAt] = [0, 0];
  return async () => {
    const time = now().getTime();
    if (known && time - askedAt < KEEP_MILLISECONDS) return known;
    if (!known && failure && time - askedAt < PAUSE_MILLISECONDS) throw failure;
    try {
      known = (await loadSettings(["webhooks"], environment)).WEBHOOK_SECRETS;
      readAt = time;
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      if (!known || time - readAt >= TRUST_MILLISECONDS) {
        [known, failure, askedAt] = [undefined, error, time];
        throw error;
      }
      log("secrets.not-read", { code: "settings.wrong", reason: error.message });
    }
    askedAt = time;
    return known;
  };
}
