import type { Directory } from "#shared/directory.ts";
import type { Envelope } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import type { Ensured } from "#shared/stage.ts";

export type IdentityTools = { directory: Directory; signal: AbortSignal };

/**
 * The envelope carries the person as the directory has them now. A spawn finds them by the name typed; the sync's
 * envelopes by directory id, so that a rename in between changes nothing. A leaver who is back becomes a `refresh`, and a
 * person of whom only a `refresh` was asked but who has gone is left to the sync's next plan.
 * @throws Permanent `person.unknown`, `person.disabled`, `person.not-allowed`, and what `Directory.lookUp` throws.
 */
export async function resolveIdentity(envelope: Envelope, { directory, signal }: IdentityTools): Promise<Ensured> {
  const { delivery, directoryId, rebind, route } = envelope;
  const wantedId = rebind?.to ?? directoryId;
  const query = wantedId ? ({ by: "id", value: wantedId } as const) : ({ by: "name", value: delivery.user } as const);
  const found = await directory.lookUp(query, signal);
  if (found.state === "present") {
    const { identity } = found;
    return {
      outcome: "unchanged",
      learned: { identity, directoryId: identity.directoryId, route: route === "depart" ? "refresh" : route },
    };
  }
  if (route === "depart") return { outcome: "unchanged" };
  throw new Permanent(found.code, found.reason);
}
