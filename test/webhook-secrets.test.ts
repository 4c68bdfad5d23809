import { beforeEach, describe, expect, it } from "vitest";
import { SettingsError } from "#shared/config.ts";
import { type LogLine, setLogWriter } from "#shared/log.ts";
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

const lines: LogLine[] = [];
beforeEach(() => {
  lines.length = 0;
  setLogWriter((line) => lines.push(line));
});

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
    expect(lines).toMatchObject([{ event: "secrets.not-read", level: "error", code: "settings.wrong" }]);
    expect(JSON.stringify(lines)).not.toContain("not JSON");
    environment.WEBHOOK_SECRETS = JSON.stringify({ default: rotated });
    expect(await readAfter(60)).toEqual({ default: rotated });
  });

  it("count for a quarter of an hour once they are gone or mistyped, and are asked for again after that", async () => {
    const environment = { WEBHOOK_SECRETS: JSON.stringify({ default: old }) };
    const { readAfter } = reader(environment);
    await readAfter(0);
    environment.WEBHOOK_SECRETS = "";
    for (const seconds of [60, 600, 239]) expect(await readAfter(seconds)).toEqual({ default: old });
    await expect(readAfter(60)).rejects.toThrow(SettingsError);
    environment.WEBHOOK_SECRETS = JSON.stringify({ default: rotated });
    await expect(readAfter(1)).rejects.toThrow(SettingsError); // a store in trouble is spared
    expect(await readAfter(1)).toEqual({ default: rotated });
  });

  it("that were never readable are asked for again two seconds later", async () => {
    const environment = { WEBHOOK_SECRETS: '{"default":["whsec_short"]}' };
    const { readAfter } = reader(environment);
    await expect(readAfter(0)).rejects.toThrow(SettingsError);
    environment.WEBHOOK_SECRETS = JSON.stringify({ default: old });
    expect(await readAfter(2)).toEqual({ default: old });
  });
});
