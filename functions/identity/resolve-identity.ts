import type { Directory, PersonQuery } from "#shared/directory.ts";
import type { Envelope } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import type { Ensured } from "#shared/stage.ts";

export type IdentityTools = { directory: Directory; signal: AbortSignal };

/**
 * The envelope carries the person as the directory has them now. A leaver who is back becomes a `refresh`, so that a late
 * `depart` never blocks anybody; one who is gone travels on without an identity, by directory id.
 * @throws Permanent `person.unknown`, `person.disabled`, `person.not-allowed`, and what `Directory.lookUp` throws.
 */
export async function resolveIdentity(envelope: Envelope, { directory, signal }: IdentityTools): Promise<Ensured> {
  const { route } = envelope;
  const found = await directory.lookUp(queryOf(envelope), signal);
  if (found.state === "present") {
    const { identity } = found;
    const { directoryId } = identity;
    return { outcome: "unchanged", learned: { identity, directoryId, route: route === "depart" ? "refresh" : route } };
  }
  if (route === "depart") return { outcome: "unchanged" };
  throw new Permanent(found.code, found.reason);
}

/**
 * A spawn means whoever has the name that was typed, also when it is replayed with an id that it once learned. The sync
 * means one human, whatever they are called by now.
 */
function queryOf({ route, delivery, directoryId, rebind }: Envelope): PersonQuery {
  if (route === "spawn") return { by: "name", value: delivery.user };
  const id = rebind?.to ?? directoryId;
  if (id !== undefined) return { by: "id", value: id };
  if (route === "depart") throw new Permanent("envelope.invalid", "nobody departs without a directory id");
  return { by: "name", value: delivery.user };
}
