import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import * as z from "zod";
import { startLocalStack } from "../../infra/local/stack.ts";
import { runOps } from "./ops.ts";
import { listen } from "./ports.ts";

const Row = z.object({
  group: z.string(),
  check: z.string(),
  state: z.string(),
  finding: z.string(),
  advice: z.string().optional(),
});
type Row = z.infer<typeof Row>;

export type Visit = {
  code: number;
  stderr: string;
  rows: Row[];
  row(check: string): Row;
  /** The names of the checks in that state. */
  in(state: string): string[];
};

/** What `hubforge doctor --json` says of that environment. */
export async function visit(environment: Record<string, string | undefined>, words: string[] = []): Promise<Visit> {
  const { code, stderr, lines } = await runOps(["doctor", "--json", ...words], { environment });
  const rows = lines.map((line) => Row.parse(JSON.parse(line)));
  return {
    code,
    stderr,
    rows,
    row: (check) => {
      const row = rows.find((each) => each.check === check);
      if (!row) throw new Error(`no check ${check} among ${rows.map((each) => each.check).join(", ")}; ${stderr}`);
      return row;
    },
    in: (state) => rows.filter((row) => row.state === state).map((row) => row.check),
  };
}

/** Exactly these failed, each with something to do, and the exit code says so. */
export function expectFailed(visit: Visit, ...checks: string[]) {
  expect(visit.in("failed")).toEqual(checks);
  expect(visit.code).toBe(1);
  for (const check of checks) expect(visit.row(check).advice, check).toMatch(/\w+ \w+/);
}

/** Of the checks with such names, those that are not well. */
export function notOk({ rows }: Visit, names: RegExp): string[] {
  return rows.filter(({ check, state }) => names.test(check) && state !== "ok").map(({ check }) => check);
}

/** A local stack in this process in which ada has an account; `visit` looks at it with some settings changed. */
export async function startDoctorStack() {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-doctor-"));
  const stack = await startLocalStack({ dir });
  const { delivery } = await stack.send({ type: "server.spawning", user: "ada" });
  const journey = await stack.follow(delivery);
  if (!journey.isDone || !stack.gitea) throw new Error(`ada's first login did not end: ${JSON.stringify(journey)}`);
  return {
    ...stack,
    gitea: stack.gitea,
    visit: (changes: Record<string, string | undefined> = {}, { ingress = stack.url } = {}) =>
      visit({ ...process.env, ...changes }, ["--ingress", ingress]),
    stop: async () => {
      await stack.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
export type DoctorStack = Awaited<ReturnType<typeof startDoctorStack>>;

/** Passes everything on to `target`, but tells another time than it is. */
export async function startSkewedClock(target: string, aheadSeconds: number) {
  const server = createServer((incoming, outgoing) => {
    const { host: _, ...headers } = incoming.headers;
    const passed = request(new URL(incoming.url ?? "/", target), { method: incoming.method, headers }, (answer) => {
      const date = new Date(Date.now() + aheadSeconds * 1000).toUTCString();
      outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, date });
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
