import { SettingsError } from "#shared/config.ts";
import { stackName } from "../stage-names.ts";
import { deployStack } from "./deploy-stack.ts";
import { readTarget } from "./flags.ts";
import type { StackState } from "./stack-state.ts";
import { DeployTrouble } from "./trouble.ts";

const USAGE = `usage: npm run deploy -- [--stage <name>] [--region <region>] [--param <name>=<value> …]

Deploys infra/stages/<stage>.yml (dev by default) with the AWS credentials of this shell, or to AWS_ENDPOINT_URL.
`;

const ELSEWHERE =
  "(as AWS would name it: behind AWS_ENDPOINT_URL an emulator answers elsewhere; npm start -- --cloud opens a door to it)";

process.exitCode = await main();

async function main(): Promise<number> {
  if (process.argv.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const target = readTarget(process.argv.slice(2), USAGE);
    process.env["AWS_REGION"] = target.region; // for whatever asks AWS beside osls
    const { status, outputs } = await deployStack({ ...target, say: (text) => process.stdout.write(text) });
    process.stdout.write(`\n${stackName(target)} in ${target.region}: ${status}, every function is awake\n`);
    for (const [what, url] of addresses(outputs)) process.stdout.write(`  ${what.padEnd(12)} ${url}\n`);
    if (process.env["AWS_ENDPOINT_URL"]) process.stdout.write(`  ${ELSEWHERE}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof DeployTrouble || error instanceof SettingsError)) throw error;
    process.stderr.write(`hubforge: ${error.message}\n`);
    return 1;
  }
}

function addresses(outputs: StackState["outputs"]): [string, string][] {
  const { HttpApiUrl, IngressLambdaFunctionUrl, WorkspacesLambdaFunctionUrl } = outputs;
  const bare = (url: string) => url.replace(/\/$/, "");
  if (HttpApiUrl) return [["hub's URL", bare(HttpApiUrl)]];
  return [
    ["ingress", bare(IngressLambdaFunctionUrl ?? "")],
    ["workspaces", bare(WorkspacesLambdaFunctionUrl ?? "")],
  ];
}
