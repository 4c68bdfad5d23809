import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { checkSettings, SettingsError } from "#shared/config.ts";
import { referenceIn } from "#shared/secrets.ts";
import { why } from "#shared/why.ts";
import { readYaml } from "../read-yaml.ts";
import { StackSettings } from "./stack-settings.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that one stage is told: what its functions get, each value as an environment variable has it, and how it is deployed. */
export type Stage = { settings: Record<string, string>; stack: StackSettings };

const Values = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()], { error: "must be one text or number; JSON goes into quotes" }),
);

/** The stages that have a file in this folder. */
export function stagesHere(): string[] {
  return readdirSync(resolve(ROOT, "infra/stages")).flatMap((name) => /^(.+)\.yml$/.exec(name)?.[1] ?? []);
}

/**
 * @param path from the project's folder, e.g. `infra/stages/dev.yml`
 * @throws SettingsError naming the file and every wrong, missing or unknown setting in it
 */
export function readStageFile(path: string): Stage {
  const values = readStageValues(path);
  if (!values) {
    throw printable(
      new SettingsError(`${path} cannot be read: copy infra/stages/dev.yml to it and write your settings there`),
    );
  }
  const known = Object.keys(StackSettings.shape);
  const isOfStack = (name: string) => known.includes(name) || name.startsWith("STACK_");
  const named = Object.entries(values).filter(([name]) => isOfStack(name));
  const stack = StackSettings.safeParse(Object.fromEntries(named));
  const settings = Object.fromEntries(Object.entries(values).filter(([name]) => !isOfStack(name)));
  const problems = [
    ...named.flatMap(([name]) => (known.includes(name) ? [] : [`${name}: no such setting (${known.join(", ")})`])),
    ...(stack.success ? [] : stack.error.issues.map(({ path: [name], message }) => `${String(name)}: ${message}`)),
    ...checkSettings(settings),
    ...Object.entries(settings).flatMap(([name, value]) => checkText(name, value)),
    ...checkAuthority(settings["LDAP_CA"]),
  ];
  if (!stack.success || problems.length > 0) throw wrong(path, problems);
  return { settings, stack: stack.data };
}

/**
 * osls fills in whatever looks like its variables, in values too: `${env:AWS_SECRET_ACCESS_KEY}` would become a setting. And what
 * a function may read is written down from its references, where a wildcard would be one for IAM.
 */
function checkText(name: string, value: string): string[] {
  const reference = referenceIn(value);
  if (value.includes("${"))
    return [`${name}: holds a variable of osls ($ and a brace), which a deployment would fill in`];
  if (!reference || /^[\w./:@+=#-]+$/.test(reference.name)) return [];
  return [`${name}: refers to a name that ${reference.store} cannot have: letters, digits and ./_-:@+= only`];
}

/** A path is one on this machine; a function has no such file. */
function checkAuthority(authority: string | undefined): string[] {
  if (!authority || referenceIn(authority) || authority.includes("-----BEGIN CERTIFICATE-----")) return [];
  return ["LDAP_CA: must be the PEM text itself, or a reference to it"];
}

/**
 * The values of such a file as an environment has them, not checked one by one; undefined where there is none.
 * @throws SettingsError naming the file that cannot be read, or is no list of settings
 */
export function readStageValues(path: string): Record<string, string> | undefined {
  const text = textOf(path);
  if (text === undefined) return undefined;
  const parsed = Values.safeParse(parsedYaml(text, path) ?? {});
  if (!parsed.success) {
    throw wrong(
      path,
      parsed.error.issues.map(({ path: at, message }) => `${at.join(".")}: ${message}`),
    );
  }
  const set = Object.entries(parsed.data).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(set.filter(([, value]) => value !== ""));
}

function parsedYaml(text: string, path: string): unknown {
  try {
    return readYaml(text);
  } catch (cause) {
    throw wrong(path, [why(cause)]);
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(resolve(ROOT, path), "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new SettingsError(`${path} cannot be read: ${why(cause)}`, { cause });
  }
}

function wrong(path: string, problems: string[]): SettingsError {
  return printable(new SettingsError(`wrong settings in ${path}:\n${problems.map((line) => `  ${line}`).join("\n")}`));
}

/** osls prints the stack of whatever stops it. */
export function printable(error: SettingsError): SettingsError {
  error.stack = error.message;
  return error;
}
