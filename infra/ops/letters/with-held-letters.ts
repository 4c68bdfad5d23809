import type { Environment } from "#shared/config.ts";
import { openLetterQueue } from "./letter-queue.ts";
import { type Reading, type ReadOptions, readLetters } from "./read-letters.ts";

/** Reads the letters, lets `use` work with them while they are held, and gives back whatever is left, in every case. */
export async function withHeldLetters<Result>(
  environment: Environment,
  options: ReadOptions & { onNotGivenBack?: (error: Error) => void },
  use: (reading: Reading) => Promise<Result>,
): Promise<Result> {
  const queue = openLetterQueue(environment, options.signal);
  try {
    const reading = await readLetters(queue, options);
    const result = await use(reading).catch(async (error: unknown) => {
      await reading.hold.giveBack().catch(() => undefined); // the first error says more
      throw error;
    });
    // What was done is done: that letters stay hidden for a while is another matter.
    await reading.hold.giveBack().catch((error: Error) => {
      if (!options.onNotGivenBack) throw error;
      options.onNotGivenBack(error);
    });
    return result;
  } finally {
    queue.close();
  }
}
