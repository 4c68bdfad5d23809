/** One Ctrl-C comes twice: from the terminal, and handed on by npm. */
const ONE_KEYSTROKE_MILLISECONDS = 500;

/** Tells, at each signal, whether it is another keystroke and not the last one once more. */
export function keystrokes(now: () => number = Date.now): () => boolean {
  let lastAt = Number.NEGATIVE_INFINITY;
  return () => {
    const isAnother = now() - lastAt > ONE_KEYSTROKE_MILLISECONDS;
    if (isAnother) lastAt = now();
    return isAnother;
  };
}
