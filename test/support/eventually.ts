import { expect } from "vitest";

/** `expect` of what becomes true: asked again and again, with the patience that busy cores need (Vitest's own is 1 s). */
export function eventually<Value>(look: () => Value) {
  return expect.poll(look, { timeout: 30_000, interval: 20 });
}

/** The same for what whole programs do to each other: a server on busy cores takes its time to start. */
export function patiently<Value>(look: () => Value) {
  return expect.poll(look, { timeout: 60_000, interval: 100 });
}
