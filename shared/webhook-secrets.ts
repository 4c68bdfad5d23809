import { type Environment, loadSettings } from "./config.ts";
import type { WebhookSecrets } from "./signature.ts";

/** A rotated or withdrawn secret counts within a minute, without a new deployment and without a look-up per request. */
const KEEP_MILLISECONDS = 60_000;

/**
 * Reads `WEBHOOK_SECRETS` when first asked and again each minute. A later read that fails keeps the last good value: an
 * outage of the secret store must not cost events.
 * @throws SettingsError as long as they were never readable
 */
export function webhookSecretsOf(environment: Environment, now = () => new Date()): () => Promise<WebhookSecrets> {
  let known: WebhookSecrets | undefined;
  let readAt = 0;
  return async () => {
    const time = now().getTime();
    if (known && time - readAt < KEEP_MILLISECONDS) return known;
    try {
      known = (await loadSettings(["webhooks"], environment)).WEBHOOK_SECRETS;
    } catch (error) {
      if (!known) throw error;
    }
    readAt = time;
    return known;
  };
}
