import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../infra/local/first-login.ts";
import { createJournal } from "../infra/local/journal.ts";
import { createScreen } from "../infra/local/progress.ts";
import { type Stack, startLocalStack } from "../infra/local/stack.ts";

let dir: string;
let stack: Stack;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-journal-"));
  stack = await startLocalStack({ dir });
});
afterAll(async () => {
  await stack?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** The stack, with a log that loses every line of one stage, or brings them late. */
function withLog(lost: string, lateMilliseconds?: number): Stack {
  const { write, ...journal } = createJournal();
  stack.onLine((line) => {
    if (line.stage !== lost) write(line);
    else if (lateMilliseconds !== undefined) setTimeout(() => write(line), lateMilliseconds);
  });
  return { ...stack, ...journal };
}

async function logInWith(lossy: Stack, person: string) {
  const said: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said.push(chunk.toString());
      done();
    },
  });
  const screen = createScreen(Object.assign(stream, { isTTY: false }) as unknown as NodeJS.WriteStream);
  const reader = { user: person, password: `${person}-password` };
  const login = await logIn(lossy, { person, reader, dir, screen });
  return { login, said: said.join("") };
}

describe("a login whose log loses a line", () => {
  it("says of which stage no line was seen, on the screen and as JSON, and that it is complete all the same", async () => {
    const { login, said } = await logInWith(withLog("account"), "ada");
    expect(login).toMatchObject({ unseen: ["account"], commit: { author: "Ada Lovelace <ada@uni.example>" } });
    expect(login).not.toHaveProperty("failure");
    expect(login.stages.map(({ stage }) => stage)).toEqual(["identity", "team", "repository", "templates"]);
    expect(said).toContain("  ? account      no line of it was seen in the log");
  });

  it("waits a moment for a line that is only late", async () => {
    const { login, said } = await logInWith(withLog("team", 1_500), "carol");
    expect(login).not.toHaveProperty("unseen");
    expect(login.stages.map(({ stage }) => stage)).toContain("team");
    expect(said).not.toContain("no line of it");
  });
});
