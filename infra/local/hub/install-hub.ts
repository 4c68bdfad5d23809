import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureVenv } from "../cloud/venv.ts";

/** The hub's Python programs (in `bin`), and the proxy in front of it, which npm brought. */
export type HubPrograms = { bin: string; proxy: string };

export const HUB_FOLDER = fileURLToPath(new URL("../../jupyterhub", import.meta.url));
const WITHOUT = "npm start without --hub";

/**
 * A JupyterHub of exactly the versions in infra/jupyterhub/requirements.txt; installed at the first call, then found again.
 * @throws Error with one sentence: no Python, no network, no space
 */
export async function findOrInstallHub(say: (line: string) => void): Promise<HubPrograms> {
  const python = await ensureVenv({
    name: "jupyterhub",
    requirements: new URL("../../jupyterhub/requirements.txt", import.meta.url),
    python: { from: [3, 10], to: [3, 14] },
    megabytes: 400,
    without: WITHOUT,
    say,
  });
  return { bin: dirname(python), proxy: findProxy() };
}

function findProxy(): string {
  try {
    const main = fileURLToPath(import.meta.resolve("configurable-http-proxy"));
    return join(dirname(main), "bin", "configurable-http-proxy");
  } catch (cause) {
    throw new Error("configurable-http-proxy is missing: npm ci brings it, without --omit=dev", { cause });
  }
}
