import { appendFileSync } from "node:fs";
import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import * as z from "zod";

declare module "vitest" {
  interface ProvidedContext {
    /** One line for each file that holds recordings against a Gitea, and for each recording that it replayed. */
    replayed: string;
  }
}

const TRANSCRIPTS = new URL("gitea-transcripts.jsonl", import.meta.url);

export const noteFile = (record: string, file: string) => appendFileSync(record, `file ${file}\n`);
export const noteReplay = (record: string, recording: string) => appendFileSync(record, `replay ${recording}\n`);

/** Vitest's global set-up: after a whole run on the stand-in every recording was replayed. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-replayed-"));
  const record = join(dir, "lines");
  appendFileSync(record, "");
  project.provide("replayed", record);
  return async () => {
    const lines = (await readFile(record, "utf8")).split("\n");
    await rm(dir, { recursive: true });
    const isWhole = (await filesWithRecordings(project.config.root)).every((file) => lines.includes(`file ${file}`));
    if (process.env["GITEA_URL"] !== undefined || project.config.testNamePattern || !isWhole) return;
    const forgotten = (await recordingNames()).filter((name) => !lines.includes(`replay ${name}`));
    if (forgotten.length > 0) throw new Error(`recordings that no test replays: «${forgotten.join("», «")}»`);
  };
}

async function filesWithRecordings(root: string): Promise<string[]> {
  const found: string[] = [];
  for await (const name of glob("test/**/*.test.ts", { cwd: root })) {
    const file = join(root, name);
    if (/gitea-recordings\.ts"/.test(await readFile(file, "utf8"))) found.push(file);
  }
  return found;
}

async function recordingNames(): Promise<string[]> {
  const recordings = (await readFile(TRANSCRIPTS, "utf8")).split("\n").filter((line) => line !== "");
  return recordings.map((line) => z.object({ name: z.string() }).parse(JSON.parse(line)).name);
}
