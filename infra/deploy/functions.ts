import * as z from "zod";
import { SettingsError } from "#shared/config.ts";
import { parseTemplate } from "../template.ts";
import type { StackSettings } from "./stack-settings.ts";
import { printable } from "./stage-file.ts";

const ServiceFunction = z.looseObject({
  role: z.string(),
  environment: z.record(z.string(), z.unknown()).default({}),
  events: z.array(z.record(z.string(), z.unknown())).default([]),
});
const ServiceFunctions = z.record(z.string(), ServiceFunction);
export type ServiceFunctions = z.infer<typeof ServiceFunctions>;

/** infra/functions.yml, with every `${…}` as it stands there. */
export function serviceFunctions(): ServiceFunctions {
  return z.object({ functions: ServiceFunctions }).parse(parseTemplate("infra/functions.yml")).functions;
}

/** All variables of a function together; Lambda refuses more. */
const LARGEST_ENVIRONMENT_BYTES = 4096;
/** Queue URLs and numbers, which only the deployment knows. */
const OTHER_VARIABLES_BYTES = 512;

/** The functions of infra/functions.yml as this stage runs them. */
export function functionsBehind(
  stack: StackSettings,
  all: ServiceFunctions,
  settings: Readonly<Record<string, string>>,
): ServiceFunctions {
  refuseLargeEnvironments(all, settings);
  return Object.fromEntries(
    Object.entries(all).map(([name, definition]) => [
      name,
      {
        ...withoutReservation(stack, definition),
        ...(stack.STACK_HTTP === "function-urls" && ownUrl(definition.events)),
        ...(!stack.STACK_SYNC && { events: definition.events.filter((event) => !("eventBridge" in event)) }),
        ...(stack.STACK_XRAY && { tracing: "Active" }),
        ...(stack.STACK_SUBNET_IDS.length > 0 && {
          vpc: { subnetIds: stack.STACK_SUBNET_IDS, securityGroupIds: stack.STACK_SECURITY_GROUP_IDS },
        }),
        ...(DOORS.includes(name) &&
          stack.STACK_INGRESS_CONCURRENCY !== undefined && { reservedConcurrency: stack.STACK_INGRESS_CONCURRENCY }),
      },
    ]),
  );
}

/** Anybody may knock there: a flood of knocking must leave the stages their share of the account. */
const DOORS = ["ingress", "workspaces"];

/** An account that has 10 in all (a new one) can reserve none. */
function withoutReservation({ STACK_INGRESS_CONCURRENCY }: StackSettings, definition: ServiceFunctions[string]) {
  if (STACK_INGRESS_CONCURRENCY !== undefined) return definition;
  const { reservedConcurrency: _, ...others } = definition;
  return others;
}

function ownUrl(events: ServiceFunctions[string]["events"]) {
  const others = events.filter((event) => !("httpApi" in event));
  return others.length === events.length ? {} : { events: others, url: true };
}

function refuseLargeEnvironments(all: ServiceFunctions, settings: Readonly<Record<string, string>>): void {
  for (const [name, { environment }] of Object.entries(all)) {
    const own = Object.keys(environment).map((variable) => `${variable}${settings[variable] ?? ""}`);
    const size = Buffer.byteLength(own.join("")) + OTHER_VARIABLES_BYTES;
    if (size <= LARGEST_ENVIRONMENT_BYTES) continue;
    const longest = Object.keys(environment).toSorted((a, b) => lengthOf(settings, b) - lengthOf(settings, a))[0];
    const sentence = `the settings of function ${name} take ${size} bytes, Lambda allows ${LARGEST_ENVIRONMENT_BYTES}: put ${longest} into Parameter Store and write ssm:<name> instead`;
    throw printable(new SettingsError(sentence));
  }
}

const lengthOf = (settings: Readonly<Record<string, string>>, name: string) => (settings[name] ?? "").length;
