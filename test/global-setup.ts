import type { TestProject } from "vitest/node";
import { installLocalStack } from "../infra/local/cloud/localstack.ts";
import { installMinistack } from "../infra/local/cloud/ministack.ts";
import { findOrInstallSlapd } from "../infra/local/slapd-programs.ts";
import { findOrInstallPrograms } from "./support/programs.ts";

/** Installs what the tests need beyond npm, once and before several workers would try it at the same time. */
export default async function setUp(project: TestProject): Promise<void> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  await findOrInstallPrograms(say);
  await findOrInstallSlapd(say);
  if (!(await areSlowOnesWanted(project))) return;
  await installMinistack(say);
  await installLocalStack(say);
}

/** `npm run test:fast` leaves the slow ones out, and needs no Python packages. */
async function areSlowOnesWanted(project: TestProject): Promise<boolean> {
  const { testFiles } = await project.globTestFiles(process.argv.filter((word) => word.endsWith(".test.ts")));
  return testFiles.some((file) => /(cloud|conformance)[^/]*\.slow\.test\.ts$/.test(file));
}
