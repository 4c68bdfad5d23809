import { readTarget } from "./flags.ts";
import { runOsls } from "./osls.ts";
import { readStack, stackName } from "./stack-state.ts";
import { DeployTrouble } from "./trouble.ts";

const USAGE = `usage: npm run remove -- [--stage <name>] [--region <region>]

Removes a deployment with its queues and everything in them. Secrets, Gitea and LDAP stay as they are.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const target = readTarget(process.argv.slice(2), USAGE);
    if ((await readStack(target)).status === undefined) {
      throw new DeployTrouble(`there is no stack ${stackName(target)} in ${target.region}: check --stage and --region`);
    }
    const startedAt = new Date();
    await runOsls("remove", { ...target, say: (text) => process.stdout.write(text) });
    const { status, failures } = await readStack(target, startedAt);
    if (status === undefined || status === "DELETE_COMPLETE") return 0;
    throw new DeployTrouble([`stack ${stackName(target)} is still there, in ${status}`, ...failures].join("\n  "));
  } catch (error) {
    if (!(error instanceof DeployTrouble) && !(error instanceof Error && error.name === "OslsFailed")) throw error;
    process.stderr.write(error instanceof DeployTrouble ? `hubforge: ${error.message}\n` : "");
    return 1;
  }
}
