import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { EXIT } from "../exit-codes.ts";
import { filterLetters } from "../letters/filter-letters.ts";
import type { Letter } from "../letters/letter.ts";
import { warnOfReading } from "../letters/warn.ts";
import { parseFilter } from "../options.ts";
import { inertJson } from "../output/inert.ts";
import { letterRecord } from "../output/letter-views.ts";
import { UsageError } from "../usage-error.ts";
import { type Context, holdingLetters, type Verb } from "./context.ts";
import { nothingMatched, type ReadingOptions, showWarnings } from "./list-letters.ts";

export type ExportOptions = ReadingOptions & { out?: string };

/**
 * `dead-letters export`: every message that matches, whole, one JSON object a line: `body` is the very text of the message.
 * Written while it is read, so that the size of the queue does not matter. The queue keeps everything.
 */
export const exportLetters: Verb<ExportOptions> = async (context, options) => {
  const { terminal, now } = context;
  const filter = parseFilter(options, now);
  const sink = await openSink(context, options.out);
  let messages = 0;
  const onBody = async (letter: Letter, body: string) => {
    if (filterLetters([letter], filter).length === 0) return;
    messages += 1;
    await sink.write(inertJson({ ...letterRecord(letter), body }));
  };
  const { letters, warnings, name } = await holdingLetters(context, { onBody }, async ({ reading, target }) => ({
    letters: reading.letters,
    warnings: warnOfReading(reading),
    name: target.name,
  })).finally(sink.end);
  showWarnings(terminal, warnings);
  if (messages === 0) return nothingMatched(context, letters, options, name);
  terminal.note(
    `${messages} ${messages === 1 ? "message" : "messages"} exported${options.out ? ` to ${options.out}` : ""}`,
  );
  return EXIT.done;
};

type Sink = { write(line: string): Promise<void>; end(): Promise<void> };

/** An existing file is never overwritten: it may hold the only copy of what was discarded since. */
async function openSink({ terminal }: Context, path: string | undefined): Promise<Sink> {
  if (path === undefined) return { write: (line) => terminal.dataDrained(line), end: async () => {} };
  const file = createWriteStream(path, { flags: "wx", mode: 0o600 });
  await once(file, "open").catch((error: unknown) => {
    throw new UsageError(`--out: ${error instanceof Error ? error.message : String(error)}`);
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
