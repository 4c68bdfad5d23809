import { appendFileSync } from "node:fs";
import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { LEFT_OUT } from "./gitea-left-out.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** One line for each file that holds recordings against a Gitea, and for each recording that it replayed. */
    replayed: string;
  }
}

const TRANSCRIPTS = new URL("gitea-transcripts.jsonl", import.meta.url);

export const noteFile = (record: string, file: string) => appendFileSync(record, `file ${file}\n`);
export const noteReplay = (record: string, recording: string) => appendFileSync(record, `replay ${recording}\n`);

/** Vitest's global set-up: after a whole run on the stand-in every recording was replayed, or says why it was not. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-replayed-"));
  const record = join(dir, "lines");
  appendFileSync(record, "");
  project.provide("replayed", record);
  return async () => {
    const lines = (await readFile(record, "utf8")).split("\n");
    await rm(dir, { recursive: true });
    const isWhole = (await filesWithRecordings()).every((file) => lines.includes(`file ${file}`));
    if (process.env["GITEA_URL"] !== undefined || project.config.testNamePattern || !isWhole) return;
    const wrong = await wrongIn(new Set(lines));
    if (wrong.length > 0) throw new Error(`recordings of a real Gitea:\n${wrong.join("\n")}`);
  };
}

async function filesWithRecordings(): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob("test/**/*.test.ts")) {
    if (/gitea-recordings\.ts"/.test(await readFile(file, "utf8"))) found.push(join(process.cwd(), file));
  }
  return found;
}

async function wrongIn(lines: ReadonlySet<string>): Promise<string[]> {
  const recordings = (await readFile(TRANSCRIPTS, "utf8")).split("\n").filter((line) => line !== "");
  const names = recordings.map((line): string => JSON.parse(line).name);
  const isReplayed = (name: string) => lines.has(`replay ${name}`);
  return [
    ...names.filter((name) => !isReplayed(name) && !LEFT_OUT.has(name)).map((name) => `«${name}» is never replayed`),
    ...[...LEFT_OUT.keys()]
      .filter((name) => isReplayed(name) || !names.includes(name))
      .map((name) => `«${name}» is said to be left out, but is replayed or does not exist`),
  ];
}
