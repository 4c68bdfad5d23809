import type { Filter } from "ldapts";
import { Permanent } from "../errors.ts";
import type { DirectoryEntry } from "./entry.ts";
import { anyOf, equals } from "./filters.ts";

/**
 * AD, 389 and FreeIPA, OpenLDAP. nsUniqueId stands before entryUUID because 389 may be given the latter later on, and an id
 * must not change under a running hubforge.
 */
const KNOWN = ["objectGUID", "nsUniqueId", "entryUUID", "ipaUniqueID"];

/** Asked for as bytes: a GUID that happens to be valid UTF-8 would come as text (ldapts knows this spelling only). */
export const BINARY_ATTRIBUTES = ["objectGUID"];

/** What to ask the server for; `configured` is LDAP_ID_ATTRIBUTE. */
export const idAttributes = (configured: string | undefined): string[] =>
  configured === undefined ? KNOWN : [configured];

/** The id that stays when everything else changes; undefined where none can be read. @throws Permanent for unreadable bytes */
export function directoryIdOf(entry: DirectoryEntry, configured: string | undefined): string | undefined {
  for (const attribute of idAttributes(configured)) {
    const bytes = entry.bytes(attribute);
    if (bytes === undefined || bytes.length === 0) continue;
    if (isGuid(attribute)) return guidText(bytes);
    const text = entry.texts(attribute)[0];
    if (text?.includes("\uFFFD")) {
      throw new Permanent(
        "directory.no-id",
        `"${attribute}" of "${entry.dn}" is not text; of binary ids only objectGUID is known`,
      );
    }
    return text;
  }
  return undefined;
}

/** Finds the entry with this id, whichever of the known attributes the server has. */
export function idFilter(id: string, configured: string | undefined): Filter {
  return anyOf(
    idAttributes(configured).map((attribute) => equals(attribute, isGuid(attribute) ? (guidBytes(id) ?? id) : id)),
  );
}

const isGuid = (attribute: string) => attribute.toLowerCase() === "objectguid";

/** AD keeps the first three fields little-endian (MS-DTYP 2.3.4). */
const swapped = (bytes: Buffer) =>
  Buffer.concat([
    Buffer.from(bytes.subarray(0, 4)).reverse(),
    Buffer.from(bytes.subarray(4, 6)).reverse(),
    Buffer.from(bytes.subarray(6, 8)).reverse(),
    bytes.subarray(8),
  ]);

const guidText = (bytes: Buffer) =>
  swapped(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

function guidBytes(text: string): Buffer | undefined {
  const hex = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.replaceAll("-", "") : undefined;
  return hex === undefined ? undefined : swapped(Buffer.from(hex, "hex"));
}
