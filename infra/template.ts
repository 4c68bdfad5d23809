import { readFileSync } from "node:fs";
import { parse, type ScalarTag } from "yaml";
import * as z from "zod";

/**
 * Reads the very files that osls packages, so that a queue or function exists once for AWS and for this machine: the
 * short forms of CloudFormation, `${sls:stage}` and `${param:…}` with the defaults of serverless.yml.
 */

const ROOT = new URL("../", import.meta.url);

/** What `--param name=value` would say. */
export type Parameters = Readonly<Record<string, string | number>>;
/** Whose resources are meant: the stage in their names, and parameters other than the defaults. */
export type Place = { stage: string; region: string; parameters?: Parameters };

export const Reference = z.object({ "Fn::GetAtt": z.tuple([z.string(), z.literal("Arn")]) });

const ServiceFile = z.object({
  params: z.object({ default: z.record(z.string(), z.union([z.string(), z.number()])) }),
});

/** The parameters of serverless.yml with their defaults, and `overrides` on top. */
export function templateParameters(overrides: Parameters = {}): Record<string, string | number> {
  const { params } = ServiceFile.parse(parse(readFileSync(new URL("serverless.yml", ROOT), "utf8")));
  return { ...params.default, ...overrides };
}

const SHORT_FORMS: ScalarTag[] = [
  { tag: "!Ref", resolve: (name) => ({ Ref: name }) },
  { tag: "!GetAtt", resolve: (path) => ({ "Fn::GetAtt": path.split(".") }) },
  { tag: "!Sub", resolve: (text) => ({ "Fn::Sub": text }) },
];

/** @param path from the project's folder, e.g. `infra/queues.yml` */
export function readTemplate(path: string, { stage, parameters }: Place): unknown {
  const values = templateParameters(parameters);
  return parseTemplate(path, (text) =>
    text
      .replaceAll(/\$\{sls:stage\}/g, stage)
      .replaceAll(/\$\{param:(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
  );
}

/** With every `${…}` left as it is, for whoever hands it on to osls. */
export function parseTemplate(path: string, fill: (text: string) => string = (text) => text): unknown {
  return parse(fill(readFileSync(new URL(path, ROOT), "utf8")), { merge: true, customTags: SHORT_FORMS });
}
