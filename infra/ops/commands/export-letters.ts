import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { why } from "#shared/why.ts";
import { EXIT } from "../exit-codes.ts";
import { filterLetters, type LetterFilter } from "../letters/filter-letters.ts";
import type { Letter } from "../letters/letter.ts";
import { inertJson } from "../output/inert.ts";
import { letterRecord } from "../output/letter-views.ts";
import { UsageError } from "../usage-error.ts";
import type { Context, Verb } from "./context.ts";
import { lookAtLetters, nothingMatched, type ReadingOptions } from "./look-at-letters.ts";

export type ExportOptions = ReadingOptions & { out?: string };

/**
 * `dead-letters export`: every message that matches, whole, one JSON object a line: `body` is the very text of the message.
 * Written while it is read, so that the size of the queue does not matter. The queue keeps everything.
 */
export const exportLetters: Verb<ExportOptions> = async (context, options) => {
  const sink = await openSink(context, options.out);
  let messages = 0;
  const write = async (letter: Letter, body: string, filter: LetterFilter) => {
    if (filterLetters([letter], filter).length === 0) return;
    messages += 1;
    await sink.write(inertJson({ ...letterRecord(letter), body }));
  };
  const look = await lookAtLetters(context, options, write).finally(sink.end);
  if (messages === 0) return nothingMatched(context, look, options);
  const where = options.out === undefined ? "" : ` to ${options.out}`;
  context.terminal.note(`${messages} ${messages === 1 ? "message" : "messages"} exported${where}`);
  return EXIT.done;
};

type Sink = { write(line: string): Promise<void>; end(): Promise<void> };

/** An existing file is never overwritten: it may hold the only copy of what was discarded since. */
async function openSink({ terminal }: Context, path: string | undefined): Promise<Sink> {
  if (path === undefined) return { write: (line) => terminal.dataDrained(line), end: async () => {} };
  const file = createWriteStream(path, { flags: "wx", mode: 0o600 });
  await once(file, "open").catch((error: unknown) => {
    throw new UsageError(`--out: ${why(error)}`);
  });
  return { write: (line) => written(file, line), end: () => ended(file) };
}

async function written(file: WriteStream, line: string): Promise<void> {
  if (!file.write(`${line}\n`)) await once(file, "drain");
}

async function ended(file: WriteStream): Promise<void> {
  file.end();
  await finished(file);
}
