import { parseArgs } from "node:util";
import { why } from "#shared/why.ts";
import { isStageName, STAGE_NAME_RULE } from "../stage-names.ts";
import { templateParameters } from "../template.ts";
import type { Target } from "./osls.ts";
import { DeployTrouble } from "./trouble.ts";

/** `--stage`, `--region` and any number of `--param name=value`, as osls takes them. @throws DeployTrouble on any other word */
export function readTarget(words: string[], usage: string): Target {
  try {
    // npm keeps what stands before its "--" for itself, and only warns: the default would be another stage.
    const kept = ["stage", "region", "param"].filter((name) => process.env[`npm_config_${name}`] !== undefined);
    if (kept.length > 0) throw new Error(`npm took --${kept.join(", --")} for itself: write them after " -- "`);
    const { values } = parseArgs({
      args: words,
      options: {
        stage: { type: "string", default: "dev" },
        region: {
          type: "string",
          default: process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"] ?? "eu-central-1",
        },
        param: { type: "string", multiple: true, default: [] },
      },
    });
    if (!isStageName(values.stage)) throw new Error(`--stage "${values.stage}": ${STAGE_NAME_RULE}`);
    const parameters = Object.fromEntries(values.param.map(pair));
    const known = Object.keys(templateParameters());
    const unknown = Object.keys(parameters).find((name) => !known.includes(name));
    if (unknown !== undefined) throw new Error(`--param "${unknown}": there are ${known.join(", ")}`);
    return { stage: values.stage, region: values.region, parameters };
  } catch (error) {
    throw new DeployTrouble(`${why(error)}\n\n${usage}`, { cause: error });
  }
}

function pair(text: string): [string, string] {
  const [name = "", ...value] = text.split("=");
  return [name, value.join("=")];
}
