import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type LogLine, parseLogLine } from "./log-line.ts";

/** The lines of a log file that `isMeant`, in its order; the file may be of any size. */
export async function readLogFile(path: string, isMeant: (line: LogLine) => boolean): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const line = parseLogLine(text);
    if (line && isMeant(line)) found.push(line);
  }
  return found;
}
