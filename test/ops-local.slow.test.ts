import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { postEvent } from "../infra/local/post-event.ts";
import { startOps } from "./support/ops-child.ts";

const Up = z.object({ url: z.string(), hub: z.string(), secret: z.string() });

let stack: ChildProcess;
let up: z.infer<typeof Up>;
beforeAll(async () => {
  const file = fileURLToPath(new URL("./support/ops-stack.ts", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  stack = child;
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  up = Up.parse(JSON.parse(line));
});
afterAll(async () => {
  const ended = once(stack, "close");
  stack.kill();
  await ended;
});

/** As in another terminal: nothing is set there. */
async function hubforge(line: string) {
  const environment = { AWS_REGION: undefined, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
  const child = startOps(["--deployment", `local-${stack.pid}`, ...line.split(" ")], environment);
  const code = await child.ended;
  const lines = child
    .stdout()
    .split("\n")
    .filter((text) => text !== "");
  return { code, lines: lines.map((text) => JSON.parse(text)), stderr: child.stderr() };
}
const outcome = async (delivery: string) => (await hubforge(`trace ${delivery}`)).lines.at(-1)?.is;

it("a newcomer breaks Gitea, sees the letter, mends the cause, replays it and sees it done", {
  timeout: 60_000,
}, async () => {
  const broken = await hubforge("lab fail refuse --method POST --path /repos");
  expect(broken).toMatchObject({ code: 0, lines: [{ method: "POST", path: "/repos", status: 400 }] });

  const { delivery } = await postEvent(up.url, up.secret, { type: "server.spawning", hub: up.hub, user: "bob" });
  await expect.poll(() => outcome(delivery), { timeout: 60_000, interval: 500 }).toBe("dead-letter");

  const [letter] = (await hubforge("dead-letters list --user bob")).lines;
  expect(letter).toMatchObject({ stage: "repository", code: "gitea.refused", class: "permanent", delivery });
  const { lines: faults } = await hubforge("lab list");
  expect(faults[0].hit).toBeGreaterThan(0);

  expect(await hubforge("lab heal")).toMatchObject({ code: 0, stderr: "Gitea is well again\n" });
  const plan = await hubforge("dead-letters replay --user bob");
  expect(plan.lines.filter(({ type }) => type === "warning")).toEqual([]);
  const { hash } = plan.lines.at(-1);
  expect(await hubforge(`dead-letters replay --user bob --execute --yes --plan ${hash}`)).toMatchObject({ code: 0 });
  await expect.poll(() => outcome(delivery), { timeout: 60_000, interval: 500 }).toBe("done");
  expect(await hubforge("dead-letters list")).toMatchObject({ code: 3, lines: [] });
});
