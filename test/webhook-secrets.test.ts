import { describe, expect, it } from "vitest";
import { SettingsError } from "#shared/config.ts";
import { webhookSecretsOf } from "#shared/webhook-secrets.ts";
import { SECRETS } from "./support/signed-event.ts";

const { default: old, physics: rotated } = SECRETS;
const startedAt = Date.UTC(2026, 10, 24, 9);

function reader(environment: { WEBHOOK_SECRETS: string }) {
  const clock = { seconds: 0 };
  const read = webhookSecretsOf(environment, () => new Date(startedAt + clock.seconds * 1000));
  const readAfter = async (seconds: number) => {
    clock.seconds += seconds;
    return await read();
  };
  return { readAfter };
}

describe("the webhook secrets", () => {
  it("are kept for a minute, then read again, so that a rotation needs no deployment", async () => {
    const environment = { WEBHOOK_SECRETS: JSON.stringify({ default: old }) };
    const { readAfter } = reader(environment);
    expect(await readAfter(0)).toEqual({ default: old });
    environment.WEBHOOK_SECRETS = JSON.stringify({ default: rotated });
    expect(await readAfter(59)).toEqual({ default: old });
    expect(await readAfter(1)).toEqual({ default: rotated });
  });

  it("stay as they were while a later read fails", async () => {
    const environment = { WEBHOOK_SECRETS: JSON.stringify({ default: old }) };
    const { readAfter } = reader(environment);
    await readAfter(0);
    environment.WEBHOOK_SECRETS = "not JSON";
    expect(await readAfter(60)).toEqual({ default: old });
    environment.WEBHOOK_SECRETS = JSON.stringify({ default: rotated });
    expect(await readAfter(60)).toEqual({ default: rotated });
  });

  it("that were never readable are asked for again at once", async () => {
    const environment = { WEBHOOK_SECRETS: '{"default":["whsec_short"]}' };
    const { readAfter } = reader(environment);
    await expect(readAfter(0)).rejects.toThrow(SettingsError);
    environment.WEBHOOK_SECRETS = JSON.stringify({ default: old });
    expect(await readAfter(0)).toEqual({ default: old });
  });
});
