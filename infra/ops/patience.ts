/** For clients of AWS: a server that accepts and never answers is given up, after the SDK's three tries. */
export const AWS_PATIENCE = {
  connectionTimeout: 5_000,
  requestTimeout: 8_000,
  socketTimeout: 8_000,
  throwOnRequestTimeout: true,
};

/** For one message to be taken by SQS, in milliseconds. */
const SEND_MILLISECONDS = 20_000;

/** Ends a send that nobody answers, or some seconds after Ctrl-C: what is under way may still end well. */
export function sendSignal(signal: AbortSignal | undefined): AbortSignal {
  const patience = AbortSignal.timeout(SEND_MILLISECONDS);
  return signal ? AbortSignal.any([patience, soonAfter(signal)]) : patience;
}

const GRACE_MILLISECONDS = 3_000;
const known = new WeakMap<AbortSignal, AbortSignal>();

/**
 * Aborted three seconds after `signal`: a request under way has until then to end by itself. One that is cut off may have
 * been done, and letters that it brought would stay hidden.
 */
export function soonAfter(signal: AbortSignal): AbortSignal {
  const before = known.get(signal);
  if (before) return before;
  const ending = new AbortController();
  const end = () => void setTimeout(() => ending.abort(), GRACE_MILLISECONDS).unref();
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  known.set(signal, ending.signal);
  return ending.signal;
}
