import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LogLine, log, setLogWriter, subjectOf } from "#shared/log.ts";
import { spawnOf } from "./support/envelopes.ts";

let lines: LogLine[];
beforeEach(() => {
  lines = [];
  setLogWriter((line) => lines.push(line));
});
afterEach(() => vi.unstubAllEnvs());

describe("a log line", () => {
  it("tells delivery, hub, person and route, and a replay with its reason", () => {
    expect(subjectOf(spawnOf("ada"))).toEqual({
      delivery: expect.any(String),
      hub: "default",
      person: "ada",
      route: "spawn",
    });
    const replay = { number: 2, reason: "Gitea is back", failedAt: [] };
    expect(subjectOf(spawnOf("ada", { replay }))).toMatchObject({ replay: 2, replayReason: "Gitea is back" });
  });

  it.each([
    ["account.created", undefined, "info"],
    ["stage.retried", "gitea.failing", "warn"],
    ["stage.retried", "gitea.unauthorized", "error"],
    ["stage.retried", "ldap.unauthorized", "error"],
    ["stage.retried", "settings.wrong", "error"],
    ["stage.retried", "stage.unexpected", "error"],
    ["stage.dead-lettered", "account.taken", "error"],
  ] as const)("for %s with code %s is as loud as %s", (event, code, level) => {
    log(event, code ? { code } : {});
    expect(lines).toMatchObject([{ event, level }]);
  });

  it.each([
    [undefined, 3],
    ["debug", 3],
    ["info", 3],
    ["warn", 2],
    ["error", 1],
  ])("is dropped when LOG_LEVEL %s asks for less", (threshold, expected) => {
    vi.stubEnv("LOG_LEVEL", threshold);
    log("account.created", {});
    log("stage.retried", {});
    log("stage.dead-lettered", {});
    expect(lines).toHaveLength(expected);
  });

  it("is one line of JSON on standard output, whatever it holds", async () => {
    const script = `import { log } from "#shared/log.ts"; log("stage.retried", { reason: "one\\ntwo", person: "\\uD800" });`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      cwd: new URL("..", import.meta.url),
    });
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ event: "stage.retried", level: "warn", reason: "one\ntwo" });
  });
});
