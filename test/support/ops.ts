import { PassThrough, Writable } from "node:stream";
import { WriteStream } from "node:tty";
import { runCommandLine } from "../../infra/ops/command-line.ts";

type Environment = Record<string, string | undefined>;

export type OpsOptions = {
  environment: Environment;
  /** What a person at a terminal types; without it nobody is there. */
  typed?: string;
  /** What happens in the world between the question and its answer. */
  meanwhile?: () => Promise<void>;
  /** stdout is a terminal of so many columns; without it a program reads. */
  columns?: number;
  signal?: AbortSignal;
  /** Ctrl-C as soon as this is true of what stdout has. */
  interruptAt?: (stdout: string) => boolean;
  now?: Date;
};

export type OpsRun = { code: number; stdout: string; stderr: string; lines: string[] };

/** Runs `hubforge <words>` in this process, with streams of its own. */
export async function runOps(words: readonly string[], options: OpsOptions): Promise<OpsRun> {
  const { environment, typed, meanwhile, columns, signal, interruptAt, now } = options;
  const interruption = new AbortController();
  const stdout = collector(columns, () => {
    if (interruptAt?.(stdout.text())) interruption.abort();
  });
  const stderr = collector(typed === undefined ? undefined : 80, (text) => {
    if (text.includes("Type ")) answer();
  });
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  const type = () => void stdin.end(typed === undefined ? "" : `${typed}\n`);
  let happened: Promise<void> | undefined;
  const answer = () => {
    happened ??= meanwhile?.().finally(type);
  };
  if (!meanwhile) type();
  const code = await runCommandLine(words, {
    streams: { stdin, stdout: stdout.stream, stderr: stderr.stream },
    environment,
    signal: AbortSignal.any([interruption.signal, ...(signal ? [signal] : [])]),
    ...(now && { now }),
  });
  await happened;
  const text = stdout.text();
  return { code, stdout: text, stderr: stderr.text(), lines: text.split("\n").filter((line) => line !== "") };
}

function collector(columns: number | undefined, onText?: (text: string) => void) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      onText?.(chunk.toString());
      done();
    },
  });
  return {
    stream: Object.assign(
      stream,
      columns === undefined ? {} : { isTTY: true, columns, getColorDepth: WriteStream.prototype.getColorDepth },
    ),
    text: () => Buffer.concat(chunks).toString(),
  };
}
