/** One attribute of one level of a DN, its value decoded but otherwise as written. */
export type RdnPart = { type: string; value: string };

/** slapd knows these as one attribute (RFC 4514 §3, RFC 4519). */
const ALIASES = new Map(
  Object.entries({
    cn: ["commonname", "2.5.4.3"],
    sn: ["surname", "2.5.4.4"],
    c: ["countryname", "2.5.4.6"],
    l: ["localityname", "2.5.4.7"],
    st: ["stateorprovincename", "2.5.4.8"],
    street: ["streetaddress", "2.5.4.9"],
    o: ["organizationname", "2.5.4.10"],
    ou: ["organizationalunitname", "2.5.4.11"],
    uid: ["userid", "0.9.2342.19200300.100.1.1"],
    dc: ["domaincomponent", "0.9.2342.19200300.100.1.25"],
  }).flatMap(([short, names]) => names.map((name): [string, string] => [name, short])),
);

/** A DN that does not parse is an error on that value, never "no match" (README.md §3). */
export class MalformedDn extends Error {
  override readonly name = "MalformedDn";

  constructor(dn: string, why: string) {
    super(`"${dn}" is not a DN: ${why}`);
  }
}

/**
 * The one spelling of all equal DNs: what two DNs are compared by. Types in lower case and by their short names, parts of
 * a level sorted, values by NFKC, lower case and single spaces.
 * @throws MalformedDn
 */
export function normalDn(dn: string): string {
  return normalLevels(dn).join(",");
}

/** Whether `dn` is `base` or lies below it. @throws MalformedDn */
export function isWithin(dn: string, base: string): boolean {
  const baseLevels = normalLevels(base);
  return baseLevels.length === 0 || normalLevels(dn).slice(-baseLevels.length).join(",") === baseLevels.join(",");
}

/** What attribute values, and so the values within DNs, are compared by. */
export function normalValue(value: string): string {
  return value.normalize("NFKC").toLowerCase().normalize("NFKC").replace(/\s+/gu, " ").trim();
}

/** An attribute's name as DNs and entries are compared by: lower case, short. */
export function normalType(type: string): string {
  const lower = type.toLowerCase();
  return ALIASES.get(lower) ?? lower;
}

function normalLevels(dn: string): string[] {
  return parseDn(dn).map((parts) =>
    parts
      .map(({ type, value }) => `${normalType(type)}=${normalValue(value).replace(/[\\,+;"#]/g, "\\$&")}`)
      .sort()
      .join("+"),
  );
}

/** RFC 4514, and of RFC 2253's older forms what slapd takes: quoted values and `;`. @throws MalformedDn */
export function parseDn(dn: string): RdnPart[][] {
  if (dn.trim() === "") return [];
  return (PLAIN.test(dn) ? parsePlain(dn) : undefined) ?? parseAny(dn);
}

/** Nearly all DNs are of letters that mean only themselves; a full read compares hundreds of thousands (README.md §3). */
const PLAIN = /^[\w=,. -]+$/;

function parsePlain(dn: string): RdnPart[][] | undefined {
  const levels = dn.split(",").map((level) => /^ *([a-z][a-z0-9-]*) *= *([^=]*)$/i.exec(level));
  if (!levels.every((match) => match !== null)) return undefined;
  return levels.map(([, type = "", value = ""]) => [{ type, value }]);
}

function parseAny(dn: string): RdnPart[][] {
  const levels: RdnPart[][] = [];
  let parts: RdnPart[] = [];
  let position = 0;
  for (;;) {
    const type = readType(dn, position);
    const { value, end } = readValue(dn, type.end);
    parts.push({ type: type.name, value });
    if (dn[end] !== "+") {
      levels.push(parts);
      parts = [];
    }
    if (end >= dn.length) return levels;
    position = end + 1;
  }
}

function readType(dn: string, start: number): { name: string; end: number } {
  const match = /^\s*([a-z][a-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*/i.exec(dn.slice(start));
  if (match?.[1] === undefined) throw new MalformedDn(dn, `no type and "=" at character ${start + 1}`);
  return { name: match[1], end: start + match[0].length };
}

/** From the first character of a value to its separator, or to the end of the DN. */
function readValue(dn: string, start: number): { value: string; end: number } {
  if (dn[start] === "#") throw new MalformedDn(dn, "values in hex-string form are not taken");
  const isQuoted = dn[start] === '"';
  const bytes: Buffer[] = [];
  let position = isQuoted ? start + 1 : start;
  for (;;) {
    const character = dn[position];
    if (character === undefined ? isQuoted : !isQuoted && character === '"') {
      throw new MalformedDn(dn, "a quotation mark that is not closed or not escaped");
    }
    if (character === undefined || (isQuoted ? character === '"' : ",;+".includes(character))) break;
    const piece = character === "\\" ? readEscape(dn, position) : readPlain(dn, position);
    bytes.push(piece.bytes);
    position = piece.end;
  }
  const end = isQuoted ? afterQuote(dn, position) : position;
  return { value: decode(dn, Buffer.concat(bytes)), end };
}

function readPlain(dn: string, position: number): { bytes: Buffer; end: number } {
  const character = String.fromCodePoint(dn.codePointAt(position) ?? 0);
  return { bytes: Buffer.from(character), end: position + character.length };
}

function readEscape(dn: string, position: number): { bytes: Buffer; end: number } {
  const hex = /^[0-9a-f]{2}/i.exec(dn.slice(position + 1, position + 3))?.[0];
  if (hex !== undefined) return { bytes: Buffer.from(hex, "hex"), end: position + 3 };
  const character = dn[position + 1];
  if (character === undefined || !' "#+,;<=>\\'.includes(character)) {
    throw new MalformedDn(dn, `a "\\" that escapes nothing at character ${position + 1}`);
  }
  return { bytes: Buffer.from(character), end: position + 2 };
}

function afterQuote(dn: string, quote: number): number {
  const rest = /^\s*/.exec(dn.slice(quote + 1))?.[0].length ?? 0;
  const end = quote + 1 + rest;
  if (end < dn.length && !",;+".includes(dn[end] ?? "")) throw new MalformedDn(dn, "text after a quoted value");
  return end;
}

function decode(dn: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new MalformedDn(dn, "escaped bytes that are not UTF-8");
  }
}
