import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureVenv } from "../local/cloud/venv.ts";

/** `npm run check:python`: format and lint of the hub's files and their tests, types of the files; changes nothing. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS = ["infra/jupyterhub", "test/hub"];
const CHECKS = [
  ["ruff", "format", "--check", ...FOLDERS],
  ["ruff", "check", ...FOLDERS],
  ["mypy", "--strict", "infra/jupyterhub"],
];

const python = await ensureVenv({
  name: "python-checks",
  requirements: new URL("requirements-check.txt", import.meta.url),
  python: { from: [3, 10], to: [3, 14] },
  megabytes: 120,
  without: "npm test",
  say: (line) => process.stderr.write(`${line}\n`),
}).catch((error: Error) => {
  process.stderr.write(`hubforge: ${error.message}\n`);
  process.exit(1);
});
const isFine = CHECKS.map(([program = "", ...words]) => {
  return spawnSync(join(dirname(python), program), words, { cwd: ROOT, stdio: "inherit" }).status === 0;
}).every(Boolean);
process.exit(isFine ? 0 : 1);
