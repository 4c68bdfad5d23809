import { parse } from "yaml";
import { checkSettings } from "#shared/config.ts";
import { ELSEWHERE, type Meaning, Refusal, SECTIONS } from "./key-table.ts";
import { CREDENTIALS, commandFor, parameterOf, type Secret, webhookCommand } from "./secrets.ts";
import { leavesOf, placeIn, type Value } from "./values-tree.ts";

export type Imported = {
  settings: Record<string, string>;
  /** Shell commands that copy every secret into its place. */
  commands: string[];
  /** Every key that became nothing, and why. */
  unused: { key: string; reason: string }[];
  /** What a deployment would still refuse. */
  problems: string[];
};

/**
 * Turns the platform's Helm values into the settings of a stage. Secrets become references; whatever is not used is listed,
 * so that nothing is lost silently.
 */
export function importValues(text: string, stage: string): Imported {
  const values: Value = parse(text) ?? {};
  const leaves = leavesOf(values);
  const taken: Taken = { settings: {}, reasons: new Map(), from: new Map() };
  for (const { path, keys } of SECTIONS) {
    const meanings = new Map(Object.entries(keys));
    for (const [key, value] of leaves) {
      const meaning = meanings.get(placeIn(path, key) ?? "");
      if (typeof meaning === "string") taken.reasons.set(key, meaning);
      else if (meaning) take(key, value, meaning, taken);
    }
  }
  const { settings } = taken;
  const secrets = secretsIn(leaves, taken);
  for (const { setting } of secrets) settings[setting] = `ssm:${parameterOf(stage, setting)}`;
  settings["WEBHOOK_SECRETS"] = `ssm:${parameterOf(stage, "WEBHOOK_SECRETS")}`;
  completeBases(settings);
  return {
    settings,
    commands: [webhookCommand(stage), ...secrets.map((secret) => commandFor(stage, secret))],
    unused: [...leaves.keys()].flatMap((key) => unusedOf(key, taken.reasons)),
    problems: checkSettings(settings),
  };
}

/** `reasons`: by key, why it became nothing; empty where it became something. `from`: the key that each setting is from. */
type Taken = { settings: Record<string, string>; reasons: Map<string, string>; from: Map<string, string> };
type Wanted = Exclude<Meaning, string>;

function take(key: string, value: Value, { setting, as = String }: Wanted, taken: Taken): void {
  const wanted = textOf(value, as);
  if (wanted instanceof Refusal) {
    taken.reasons.set(key, wanted.reason);
    return;
  }
  taken.settings[setting] = wanted;
  noteUse(setting, key, taken);
}

function textOf(value: Value, as: (value: Value) => string | Refusal): string | Refusal {
  if (value === null || value === "") return new Refusal("is empty");
  if (String(value).includes("{{")) return new Refusal("is an expression of the chart: write what it comes to");
  return as(value);
}

/** What said the same before is overridden. */
function noteUse(setting: string, key: string, { reasons, from }: Taken): void {
  const before = from.get(setting);
  if (before !== undefined) reasons.set(before, `overridden by ${key}`);
  from.set(setting, key);
  reasons.set(key, "");
}

/** The last section that names a credential wins. */
function secretsIn(leaves: ReadonlyMap<string, Value>, taken: Taken): Secret[] {
  const found = new Map<string, Secret>();
  for (const { section, secrets } of CREDENTIALS) {
    const secret = leaves.get(`${section}.existingSecret`);
    for (const { setting, plain, keyName, byDefault } of secrets) {
      const keyPath = `${section}.${keyName}`;
      const plainPath = `${section}.${plain}`;
      if (secret) {
        noteUse(setting, `${section}.existingSecret`, taken);
        if (leaves.has(keyPath)) taken.reasons.set(keyPath, "");
        found.set(setting, { setting, section, secret: String(secret), key: String(leaves.get(keyPath) ?? byDefault) });
      } else if (leaves.has(plainPath)) {
        noteUse(setting, plainPath, taken);
        found.set(setting, { setting, section: plainPath });
      }
    }
  }
  return [...found.values()];
}

/** The platform writes search bases below the base (`ou=people`); LDAP wants them whole. */
function completeBases(settings: Record<string, string>): void {
  const base = settings["LDAP_BASE"];
  for (const name of ["LDAP_USER_SEARCH_BASE", "LDAP_GROUP_SEARCH_BASE"]) {
    const own = settings[name];
    if (base && own && !own.toLowerCase().endsWith(base.toLowerCase()) && !/(^|,)dc=/i.test(own)) {
      settings[name] = `${own},${base}`;
    }
  }
}

function unusedOf(key: string, reasons: ReadonlyMap<string, string>): Imported["unused"] {
  const reason = reasons.get(key) ?? ELSEWHERE.find(([path]) => key === path || key.startsWith(`${path}.`))?.[1];
  if (reason === "") return [];
  return [{ key, reason: reason ?? "hubforge has no setting for it" }];
}
