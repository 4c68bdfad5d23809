/** The command line asks for something that cannot be: said on stderr, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
