import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

/**
 * The port of the last time in this folder, since what is kept there, and clones of people's own, hold URLs with it. Where
 * that is taken or new: `preferred`, else a free one.
 */
export async function keptPort(dir: string, preferred = 0): Promise<number> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, "port");
  const last = Number(await readFile(file, "utf8").catch(() => preferred));
  const port = (await tryPort(last)) ?? (await tryPort(preferred)) ?? (await tryPort(0)) ?? 0;
  await writeFile(file, String(port));
  return port;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(undefined));
    probe.listen(port, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
