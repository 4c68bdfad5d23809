import { Unauthorized } from "./errors.ts";

/** Connects once a cold start, and anew where that failed or after a refused password: a rotated secret is read again. */
export function connectOnce<Connected>(connect: () => Promise<Connected>) {
  let kept: Promise<Connected> | undefined;
  return {
    open: (): Promise<Connected> => {
      kept ??= connect().catch((cause) => {
        kept = undefined;
        throw cause;
      });
      return kept;
    },
    forgetIfRefused: (error: unknown): void => {
      if (error instanceof Unauthorized) kept = undefined;
    },
  };
}
