/** One call to an outside system, as far as it may be shown: never a body, never a header. */
export type FailedRequest = { method: string; path: string; status?: number };

type StageErrorOptions = { cause?: unknown; request?: FailedRequest; retryAfterSeconds?: number };

/**
 * What a stage throws when it could not make its fact true. The class says what happens next, `code` (dotted, lower case)
 * is what code and people branch on, `message` is one sentence for the person who reads the dead letter.
 */
class StageError extends Error {
  readonly code: string;
  readonly request: FailedRequest | undefined;

  constructor(code: string, message: string, options: StageErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.request = options.request;
  }
}

/** Trying again cannot help: written to the dead letters at once and acknowledged. */
export class Permanent extends StageError {}

/** The outside may heal: the message keeps its place in its group and comes back later. */
export class Retryable extends StageError {
  /** What the other side asked for by `Retry-After`, in seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, message: string, options: StageErrorOptions = {}) {
    super(code, message, options);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Our own credentials were refused. The environment forgets its settings, so that a rotated secret is read again. */
export class Unauthorized extends Retryable {}
