import { SettingsError } from "#shared/config.ts";
import { removeStack } from "./deploy-stack.ts";
import { readTarget } from "./flags.ts";
import { DeployTrouble } from "./trouble.ts";

const USAGE = `usage: npm run remove -- [--stage <name>] [--region <region>]

Removes a deployment with its queues and everything in them. Secrets, Gitea and LDAP stay as they are.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  if (process.argv.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const target = readTarget(process.argv.slice(2), USAGE);
    await removeStack({ ...target, say: (text) => process.stdout.write(text) });
    return 0;
  } catch (error) {
    if (!(error instanceof DeployTrouble || error instanceof SettingsError)) throw error;
    process.stderr.write(`hubforge: ${error.message}\n`);
    return 1;
  }
}
