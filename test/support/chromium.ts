import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const COMMAND = "sudo apt-get install -y --no-install-recommends chromium fonts-liberation";

/** Debian's Chromium (with a font, for pictures); installed where it is missing and we are root. */
export async function findOrInstallChromium(say: (line: string) => void): Promise<string> {
  const found = PROGRAMS.find((path) => existsSync(path));
  if (found) return found;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get"))
    throw new Error(`Chromium is missing on this machine. This installs it:\n  ${COMMAND}`);
  say("chromium is missing: apt-get install chromium");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
  await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", ...options, "chromium", "fonts-liberation"], { env, maxBuffer: 64 * 1024 * 1024 });
  return await findOrInstallChromium(say);
}
