import type { Envelope } from "#shared/envelope.ts";

let deliveries = 0;

/** The envelope that the ingress makes of a spawn of `user`; every call is another delivery. */
export function spawnOf(user: string, change: Partial<Envelope> = {}): Envelope {
  deliveries += 1;
  return {
    version: 1,
    route: "spawn",
    delivery: {
      id: `d${deliveries}`,
      hub: "default",
      user,
      server: "",
      session: `session-${deliveries}`,
      occurredAt: "2026-11-24T09:00:00Z",
      receivedAt: "2026-11-24T09:00:01Z",
    },
    replay: { number: 0, failedAt: [] },
    leave: [],
    ...change,
  };
}
