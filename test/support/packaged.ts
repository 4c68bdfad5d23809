import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";

const ROOT = new URL("../..", import.meta.url).pathname;

const Template = z.object({
  Resources: z.record(
    z.string(),
    z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
});
export type Template = z.infer<typeof Template>;

/**
 * What `osls package` writes for these `--param`s: the template and the folder of the bundles. It runs in a folder of its
 * own that points here, because the bundler's work folder is fixed and a second run beside it would sweep it away.
 */
export async function packageService(
  parameters: Record<string, string | number> = {},
): Promise<{ template: Template; folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "hubforge-package-"));
  for (const name of ["functions", "infra", "shared", "node_modules", "package.json", "tsconfig.json"]) {
    await symlink(join(ROOT, name), join(folder, name));
  }
  await copyFile(join(ROOT, "serverless.yml"), join(folder, "serverless.yml"));
  const osls = join(ROOT, "node_modules/osls/bin/serverless.js");
  const flags = Object.entries(parameters).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
  await promisify(execFile)(process.execPath, [osls, "package", "--package", "packaged", ...flags], {
    cwd: folder,
    timeout: 90_000,
    env: { ...process.env, SLS_TELEMETRY_DISABLED: "1", SLS_NOTIFICATIONS_MODE: "off" },
  });
  const text = await readFile(join(folder, "packaged/cloudformation-template-update-stack.json"), "utf8");
  return {
    template: Template.parse(JSON.parse(text)),
    folder: join(folder, "packaged"),
    remove: () => rm(folder, { recursive: true }),
  };
}
