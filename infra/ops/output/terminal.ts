import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";

type Stream = Writable & { isTTY?: boolean; columns?: number };

/** Where a command reads and writes: data on stdout, everything else on stderr. */
export type Terminal = {
  /** A person looks at stdout: tables. Otherwise programs read it: one JSON object per line. */
  isTable: boolean;
  /** Somebody can be asked, and see it. */
  isInteractive: boolean;
  /** A progress bar makes sense. */
  isLive: boolean;
  width: number;
  stdin: Readable;
  stderr: Stream;
  data(line: string): void;
  /** The same for very much of it: resolves when more may come. */
  dataDrained(line: string): Promise<void>;
  note(line: string): void;
  bold(text: string): string;
  faint(text: string): string;
  warning(text: string): string;
};

export type Streams = { stdin: Readable & { isTTY?: boolean }; stdout: Stream; stderr: Stream };

const WIDTH_OF_A_FILE = 160;

/** @param isTable what the command line asked for; by default whether stdout is a terminal. */
export function createTerminal({ stdin, stdout, stderr }: Streams, isTable?: boolean): Terminal {
  // `… | head` closes the pipe early: what is held must still be given back, so nothing may be thrown.
  let isClosed = false;
  stdout.on("error", () => {
    isClosed = true;
  });
  const styled = (style: "bold" | "dim" | "yellow", text: string, stream: Stream) => styleText(style, text, { stream }); // heeds NO_COLOR, FORCE_COLOR and what is not a terminal
  return {
    isTable: isTable ?? stdout.isTTY === true,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    isLive: stderr.isTTY === true,
    width: stdout.columns ?? WIDTH_OF_A_FILE,
    stdin,
    stderr,
    data: (line) => {
      if (!isClosed) stdout.write(`${line}\n`);
    },
    dataDrained: async (line) => {
      if (isClosed || stdout.write(`${line}\n`)) return;
      await new Promise<void>((resolve) => {
        for (const event of ["drain", "error", "close"]) stdout.once(event, () => resolve());
      });
    },
    note: (line) => void stderr.write(`${line}\n`),
    bold: (text) => styled("bold", text, stdout),
    faint: (text) => styled("dim", text, stdout),
    warning: (text) => styled("yellow", text, stderr),
  };
}
