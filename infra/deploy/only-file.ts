import { inflateRawSync } from "node:zlib";

const END_OF_DIRECTORY = 0x06054b50;
const DEFLATED = 8;

/**
 * The one file of a zip, as the bundler packs a function (APPNOTE.TXT 4.3): its name and bytes.
 * @throws Error when there is more or less in it than one file
 */
export function onlyFile(zip: Buffer): { name: string; bytes: Buffer } {
  let end = zip.length - 22;
  while (end > 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end -= 1;
  const entries = zip.readUInt16LE(end + 10);
  if (entries !== 1) throw new Error(`the zip holds ${entries} files instead of one`);
  const entry = zip.readUInt32LE(end + 16);
  const name = zip.toString("utf8", entry + 46, entry + 46 + zip.readUInt16LE(entry + 28));
  const local = zip.readUInt32LE(entry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + zip.readUInt32LE(entry + 20));
  return { name, bytes: zip.readUInt16LE(entry + 10) === DEFLATED ? inflateRawSync(packed) : packed };
}
