import type { Command } from "commander";
import { readStack } from "../../deploy/stack-state.ts";
import type { Run } from "../command-line.ts";
import { runChecks } from "../doctor/check.ts";
import { clockChecks } from "../doctor/clock-checks.ts";
import { type Deployment, openDeployment } from "../doctor/deployment.ts";
import { directoryChecks } from "../doctor/directory-checks.ts";
import { giteaChecks } from "../doctor/gitea-checks.ts";
import { mappingChecks } from "../doctor/mapping-checks.ts";
import { queueChecks } from "../doctor/queue-checks.ts";
import { regionCheck } from "../doctor/region-check.ts";
import { settingsChecks } from "../doctor/settings-checks.ts";
import { webhookChecks } from "../doctor/webhook-checks.ts";
import { EXIT } from "../exit-codes.ts";
import { Interrupted } from "../letters/interrupted.ts";
import { countsOf, showResults } from "../output/doctor-views.ts";
import { createProgress } from "../output/progress.ts";
import type { Target } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { openTarget, type Verb } from "./context.ts";

type DoctorOptions = { ingress?: string; param?: string[] };

/** `hubforge doctor`: looks at everything that a deployment needs, and changes nothing. */
export function doctor(program: Command, run: Run): void {
  program
    .command("doctor")
    .description(
      "check a deployment: queues, functions, secrets, Gitea, LDAP, clocks, webhooks; exit 0 only if all is well",
    )
    .option("--ingress <url>", "where the hub posts its events, without the path (default: as the deployment says)")
    .option("--param <name=value...>", "a parameter of serverless.yml that was deployed with another value")
    .action(run(examine));
}

const examine: Verb<DoctorOptions> = async (context, options) => {
  const { terminal, signal } = context;
  const target = withParameters(await openTarget(context, []), options.param ?? []);
  const deployment = openDeployment(target, {
    signal,
    isIngressTold: options.ingress !== undefined || target.stack !== undefined || target.deployment === undefined,
    ingress: async (region) => options.ingress ?? (await findIngress(target, region)),
  });
  const progress = createProgress(terminal, "checking");
  try {
    const results = await runChecks(await allChecks(deployment), progress.show);
    progress.end();
    if (signal.aborted) throw new Interrupted("interrupted; nothing was changed");
    showResults(terminal, results);
    terminal.note(terminal.faint(`${countsOf(results)}, on ${target.name}`));
    return results.some(({ state }) => state === "failed") ? EXIT.error : EXIT.done;
  } finally {
    progress.end();
    deployment.close();
  }
};

async function allChecks(deployment: Deployment) {
  return [
    regionCheck(deployment),
    settingsChecks(deployment),
    queueChecks(deployment),
    mappingChecks(deployment),
    giteaChecks(deployment),
    directoryChecks(deployment),
    clockChecks(deployment),
    await webhookChecks(deployment),
  ];
}

async function findIngress({ stack, deployment }: Target, region: Deployment["region"]): Promise<string | undefined> {
  if (stack) return stack.url;
  if (!deployment) return undefined;
  const { outputs } = await readStack({ stage: deployment.stage, region: await region() });
  const { HttpApiUrl, IngressLambdaFunctionUrl } = outputs;
  return (HttpApiUrl ?? IngressLambdaFunctionUrl)?.replace(/\/$/, "");
}

function withParameters(target: Target, pairs: readonly string[]): Target {
  const named = pairs.map((pair) => {
    const [, name, value] = /^(\w+)=(.+)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--param "${pair}": say <name>=<value>`);
    return [name, value] as const;
  });
  return { ...target, parameters: { ...target.parameters, ...Object.fromEntries(named) } };
}
