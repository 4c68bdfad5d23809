import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { listenOnFirst } from "../door.ts";
import { explain } from "../explain.ts";
import { type Stack, startLocalStack } from "../stack.ts";
import { type HubOptions, type RealHub, startHub } from "./start-hub.ts";

/**
 * `npm run bench:hub [people]`: a real hub whose servers are no processes starts and stops a server for everybody as fast as
 * it goes: with a hook that does nothing, with hubforge and an ingress that only takes, and before the whole pipeline on the
 * same machine. Exit code 0 if every event arrived and everybody has their repository.
 */
const PEOPLE = Number(process.argv[2] ?? 200);
const CLIENTS = 16;
const PROVISIONED_WITHIN_MILLISECONDS = 300_000;
const SPAWNERS = fileURLToPath(new URL("../../../test/hub", import.meta.url));

const names = Array.from({ length: PEOPLE }, (_, number) => `person${number}`);
const dir = mkdtempSync(join(tmpdir(), "hubforge-bench-"));
const countOf = (text: string, word: string) => text.split(word).length - 1;

const Took = z.tuple([z.enum(["pre", "post"]), z.number()]);

process.exitCode = await bench().catch((error: unknown) => {
  say(`hubforge: ${explain(error)}`);
  return 1;
});
rmSync(dir, { recursive: true, force: true });
process.exit();

async function bench(): Promise<number> {
  const empty = await runHub("empty", undefined);
  say(`empty hook       ${empty.text}`);
  const taker = createServer((request, response) =>
    request.resume().on("end", () => {
      response.writeHead(202).end(JSON.stringify({ id: request.headers["webhook-id"], status: "queued" }));
    }),
  );
  const url = `http://127.0.0.1:${await listenOnFirst(taker, [0])}`;
  const alone = await runHub("alone", {
    url,
    secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    hub: "default",
  });
  taker.close();
  say(`hubforge's       ${alone.text}`);
  const stack = await startLocalStack({ dir: join(dir, "stack"), seedLdif: seed() });
  try {
    const whole = await runHub("whole", stack);
    const begun = Date.now();
    say(`and the pipeline ${whole.text}`);
    const accepted = countOf(whole.log, "delivery.accepted");
    const provisioned = await provisionedPeople(stack);
    say(`events           ${2 * PEOPLE} sent, ${accepted} accepted when the hub ended`);
    say(
      `people           ${provisioned} of ${PEOPLE} provisioned, ${((Date.now() - begun) / 1000).toFixed(0)} s after that`,
    );
    return accepted === 2 * PEOPLE && provisioned === PEOPLE ? 0 : 1;
  } finally {
    await stack.stop();
  }
}

async function runHub(name: string, hubforge: HubOptions["hubforge"]): Promise<{ text: string; log: string }> {
  const everybodysServer = createServer((_, response) => response.setHeader("X-JupyterHub-Version", "6").end());
  const port = await listenOnFirst(everybodysServer, [0]);
  const hub = await startHub({
    dir: join(dir, name),
    hubforge,
    directory: {},
    environment: {
      HUBFORGE_HUB_SPAWNER: "spawners.TimedNullSpawner",
      HUBFORGE_HUB_NULL_URL: `http://127.0.0.1:${port}`,
      HUBFORGE_HUB_READY_WAIT: "0", // the hook itself, not how long it would wait for Gitea
      PYTHONPATH: SPAWNERS,
    },
  });
  try {
    const call = (method: string, path: string, body: unknown = {}) => callHub(hub, method, path, body);
    await call("POST", "/users", { usernames: names });
    const seconds = await cycleEverybody((person, method) => call(method, `/users/${person}/server`));
    return {
      text: `${(PEOPLE / seconds).toFixed(1)} starts and stops a second, ${hookTimes(hub.dir)}`,
      log: await logOfEnd(hub),
    };
  } finally {
    await hub.stop();
    everybodysServer.close();
  }
}

/** What the hub sent until its end: it sends what is left before it goes. */
async function logOfEnd(hub: RealHub): Promise<string> {
  const deadline = Date.now() + 60_000;
  const isSending = hub.log().includes("session.opened"); // the sender begins some seconds after the hub
  while (isSending && countOf(hub.log(), "delivery.accepted") < 2 * PEOPLE && Date.now() < deadline) await sleep(200);
  await hub.stop();
  return hub.log();
}

async function callHub({ apiUrl, token }: RealHub, method: string, path: string, body: unknown): Promise<void> {
  const headers = { authorization: `token ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${apiUrl}${path}`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`the hub answered ${answer.status} to ${method} ${path}: ${await answer.text()}`);
}

/** Seconds for everybody's start and stop, `CLIENTS` at a time. */
async function cycleEverybody(call: (person: string, method: "POST" | "DELETE") => Promise<void>): Promise<number> {
  const left = [...names];
  const begun = performance.now();
  const client = async () => {
    for (let person = left.pop(); person !== undefined; person = left.pop()) {
      await call(person, "POST");
      await call(person, "DELETE");
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (performance.now() - begun) / 1000;
}

function hookTimes(hubDir: string): string {
  const lines = readFileSync(join(hubDir, "hooks.jsonl"), "utf8").trim().split("\n");
  const times = lines.map((line) => Took.parse(JSON.parse(line)));
  return (["pre", "post"] as const)
    .map((hook) => {
      const sorted = times
        .flatMap(([name, took]) => (name === hook ? [took] : []))
        .toSorted((one, other) => one - other);
      const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
      return `${hook} p50 ${at(0.5)} ms p99 ${at(0.99)} ms`;
    })
    .join(", ");
}

async function provisionedPeople({ lines }: Stack): Promise<number> {
  const deadline = Date.now() + PROVISIONED_WITHIN_MILLISECONDS;
  for (;;) {
    const done = new Set(
      lines.filter(({ stage, outcome }) => stage === "templates" && outcome).map(({ person }) => person),
    );
    if (done.size >= PEOPLE || Date.now() > deadline) return done.size;
    await sleep(200);
  }
}

function seed(): string {
  const university = readFileSync(new URL("../directory/seed.ldif", import.meta.url), "utf8");
  const people = names.map((name) =>
    [`dn: uid=${name},ou=people,dc=uni,dc=example`, "objectClass: inetOrgPerson", `uid: ${name}`, `cn: ${name}`]
      .concat([`sn: ${name}`, `mail: ${name}@uni.example`])
      .join("\n"),
  );
  return [university.trim(), ...people].join("\n\n");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
