import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onlyFile } from "./only-file.ts";
import { oslsFolder, runOsls } from "./osls.ts";

/** Busy neighbours only ever make a load slower: the quickest of several is the bundle's own. */
const TRIES = 9;
/** The goal is at most 1 MB and 130 ms each. The time is for the reader to judge, who knows how busy the machine is. */
const LARGEST_BYTES = 1_000_000;

const LOAD = `const start = performance.now(); await import(process.argv[1]); console.log(performance.now() - start); process.exit()`;

/** What every Lambda has. */
const ENVIRONMENT = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "none", AWS_SECRET_ACCESS_KEY: "none" };

process.exitCode = await main();

/** Packages the service as it goes to AWS and prints bytes, zipped bytes and load time of each function's bundle. */
async function main(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-bench-"));
  try {
    const folder = await oslsFolder(join(dir, "service"));
    const target = { stage: "dev", region: "eu-central-1", words: ["--package", "packaged"] };
    await runOsls("package", { ...target, folder, say: () => undefined });
    const names = (await readdir(join(folder, "packaged"))).filter((name) => name.endsWith(".zip")).toSorted();
    process.stdout.write(
      `${"function".padEnd(16)}${"bytes".padStart(10)}${"zipped".padStart(10)}${"load".padStart(9)}\n`,
    );
    const rows = [];
    for (const zip of names) rows.push(await measure(join(folder, "packaged", zip), zip.replace(/\.zip$/, ""), dir));
    const tooLarge = rows.filter(({ bytes }) => bytes > LARGEST_BYTES);
    for (const { name } of tooLarge) process.stderr.write(`${name} is larger than ${LARGEST_BYTES} bytes\n`);
    return tooLarge.length === 0 ? 0 : 1;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function measure(zip: string, name: string, dir: string) {
  const packed = await readFile(zip);
  const { bytes } = onlyFile(packed);
  const bundle = join(dir, `${name}.mjs`);
  await writeFile(bundle, bytes);
  const loads: number[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", LOAD, bundle], {
      env: ENVIRONMENT,
    });
    loads.push(Number(stdout));
  }
  const load = Math.min(...loads);
  const columns = [
    name.padEnd(16),
    String(bytes.length).padStart(10),
    String(packed.length).padStart(10),
    `${load.toFixed(0)} ms`.padStart(9),
  ];
  process.stdout.write(`${columns.join("")}\n`);
  return { name, bytes: bytes.length };
}
