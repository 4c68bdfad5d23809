import { findOrInstallSlapd } from "../infra/local/slapd-programs.ts";

/** Installs what the tests need beyond npm, once and before several workers would try it at the same time. */
export default async function setUp(): Promise<void> {
  await findOrInstallSlapd((line) => process.stderr.write(`${line}\n`));
}
