/** What was thrown, in words for a log line or a letter: never a stack. */
export function why(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
}

/** The same with the kind of error in front, where the message alone may say little (`AbortError`, `TypeError`). */
export function whyAndWhat(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
