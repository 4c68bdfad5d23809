import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { oslsFolder, runOsls } from "../../infra/deploy/osls.ts";

const Template = z.object({
  Resources: z.record(
    z.string(),
    z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
});
export type Template = z.infer<typeof Template>;

/**
 * What `osls package` writes for these `--param`s: the template and the folder of the bundles.
 */
export async function packageService(
  parameters: Record<string, string | number> = {},
): Promise<{ template: Template; folder: string; remove(): Promise<void> }> {
  const folder = await oslsFolder(await mkdtemp(join(tmpdir(), "hubforge-package-")));
  const words = ["--package", "packaged"];
  await runOsls("package", { stage: "dev", region: "eu-central-1", parameters, folder, words, say: () => undefined });
  const text = await readFile(join(folder, "packaged/cloudformation-template-update-stack.json"), "utf8");
  return {
    template: Template.parse(JSON.parse(text)),
    folder: join(folder, "packaged"),
    remove: () => rm(folder, { recursive: true }),
  };
}
