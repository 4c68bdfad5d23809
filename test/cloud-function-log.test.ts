import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { it, onTestFinished, vi } from "vitest";
import * as z from "zod";
import type { LogLine } from "#shared/log.ts";
import { followFunctionLog } from "../infra/local/cloud/function-log.ts";
import { eventually, patiently } from "./support/eventually.ts";
import { listen } from "./support/ports.ts";

const Question = z.object({ startTime: z.number() });

it("the log of an emulator that answered nobody for a minute is read from where it was left", async () => {
  const said: { timestamp: number; message: string }[] = [];
  let [isBusy, looks] = [false, 0];
  const server = createServer(async (request, response) => {
    const { startTime } = Question.parse(await json(request));
    looks += 1;
    response.writeHead(isBusy ? 503 : 200, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify({ events: said.filter(({ timestamp }) => timestamp >= startTime) }));
  });
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${await listen(server)}`);
  const beginning = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now: beginning });
  const lines: LogLine[] = [];
  const log = followFunctionLog(["/aws/lambda/x"], (line) => lines.push(line));
  onTestFinished(async () => {
    await log.stop();
    vi.useRealTimers();
    vi.unstubAllEnvs();
    server.close();
  });
  await eventually(() => looks).toBeGreaterThan(1);

  isBusy = true;
  const time = new Date(beginning + 20_000).toISOString();
  said.push({
    timestamp: beginning + 20_000,
    message: JSON.stringify({ time, level: "info", event: "account.created" }),
  });
  vi.setSystemTime(beginning + 60_000);
  const before = looks;
  await patiently(() => looks).toBeGreaterThan(before + 6); // it asks again by itself, then in another look
  isBusy = false;
  await eventually(() => lines.map(({ event }) => event)).toEqual(["account.created"]);
});
