import type { Environment } from "#shared/config.ts";
import { DEAD_LETTERS, ROUTES } from "#shared/pipeline.ts";
import type { ExitCode } from "../exit-codes.ts";
import { HOLD_SECONDS } from "../letters/hold.ts";
import type { Reading, ReadOptions } from "../letters/read-letters.ts";
import { withHeldLetters } from "../letters/with-held-letters.ts";
import { inert } from "../output/inert.ts";
import { createProgress } from "../output/progress.ts";
import type { Terminal } from "../output/terminal.ts";
import { findTarget, type Target, type Wish } from "../target.ts";

/** What every verb is given; nothing else reaches it from outside. */
export type Context = {
  terminal: Terminal;
  environment: Environment;
  deployment: string | undefined;
  /** Relative periods are counted from here. */
  now: Date;
  /** Ctrl-C. */
  signal: AbortSignal;
};

export type Verb<Options> = (context: Context, options: Options, words: string[]) => Promise<ExitCode>;

/** The target with the URLs of the queues that a command needs. */
export async function openTarget(context: Context, queues: Wish["queues"]): Promise<Target> {
  const { deployment, signal, environment, terminal } = context;
  const target = await findTarget({ deployment, queues, signal }, environment);
  if (target.aside !== undefined) terminal.note(target.aside);
  return target;
}

const SENDING: Wish["queues"] = [...new Set(Object.values(ROUTES).map(([first]) => first)), DEAD_LETTERS];

type Held = { target: Target; reading: Reading };

/** The letters of the target, held while `use` works with them; a progress bar while they are read. */
export async function holdingLetters<Result>(
  context: Context,
  options: Omit<ReadOptions, "signal" | "onProgress"> & { isSending?: boolean },
  use: (held: Held) => Promise<Result>,
): Promise<Result> {
  // What only looks needs one queue; what sends needs the first of each route.
  const target = await openTarget(context, options.isSending ? SENDING : [DEAD_LETTERS]);
  const progress = createProgress(context.terminal, "reading letters");
  const { isSending: _, ...read } = options;
  const { terminal } = context;
  const onNotGivenBack = ({ message }: Error) => {
    const back = `the rest is back within ${options.holdSeconds ?? HOLD_SECONDS} s`;
    terminal.note(
      `${terminal.warning("warning:")} SQS did not take back all that was held, ${back}: ${inert(message)}`,
    );
  };
  try {
    return await withHeldLetters(
      target.environment,
      { ...read, signal: context.signal, onProgress: progress.show, onNotGivenBack },
      async (reading) => {
        progress.end();
        return await use({ target, reading });
      },
    );
  } finally {
    progress.end();
  }
}
