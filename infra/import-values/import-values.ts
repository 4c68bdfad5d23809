import { checkSettings } from "#shared/config.ts";
import { NoYaml, readYaml } from "../read-yaml.ts";
import { parameterName } from "../stage-names.ts";
import { type Beside, ELSEWHERE, GITEA_SOURCE, type Meaning, Refusal, SECTIONS, SWITCHED } from "./key-table.ts";
import { CREDENTIALS, commandFor, type Secret, webhookCommand } from "./secrets.ts";
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
 * so that nothing is lost silently. An empty value says nothing: a chart's defaults take nothing away.
 * @throws NoYaml for a text that holds no Helm values
 */
export function importValues(text: string, stage: string): Imported {
  const leaves = leavesOf(valuesIn(text));
  const taken: Taken = { settings: {}, reasons: new Map(), from: new Map() };
  for (const [key, value] of leaves) if (isEmpty(value)) taken.reasons.set(key, "is empty");
  const off = SWITCHED.filter((section) => leaves.get(`${section}.enabled`) === false);
  for (const key of leaves.keys()) {
    if (off.some((section) => placeIn(section, key))) taken.reasons.set(key, "its section is switched off");
  }
  const said = new Map([...leaves].filter(([key]) => !taken.reasons.has(key)));
  for (const { path, keys } of SECTIONS) {
    const meanings = new Map(Object.entries(keys));
    for (const [key, value] of said) {
      const meaning = meanings.get(placeIn(path, key) ?? "");
      if (typeof meaning === "string") taken.reasons.set(key, meaning);
      else if (meaning)
        take(
          key,
          textOf(value, meaning, (name) => said.get(`${path}.${name}`)),
          meaning.setting,
          taken,
        );
    }
  }
  const { settings } = taken;
  leaveOutForeignTls(taken);
  const secrets = secretsIn(said, taken);
  for (const { setting } of secrets) settings[setting] = `ssm:${parameterName(stage, setting)}`;
  settings["WEBHOOK_SECRETS"] = `ssm:${parameterName(stage, "WEBHOOK_SECRETS")}`;
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

/** @throws NoYaml for a list or a text as well */
function valuesIn(text: string): Value {
  const values = readYaml(text) ?? {};
  if (typeof values === "object" && !Array.isArray(values)) return values;
  throw new NoYaml("it holds no Helm values, which are names with values below them");
}

const isEmpty = (value: Value) =>
  value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);

function take(key: string, wanted: string | Refusal, setting: string, taken: Taken): void {
  if (wanted instanceof Refusal) {
    taken.reasons.set(key, wanted.reason);
    return;
  }
  taken.settings[setting] = wanted;
  noteUse(setting, key, taken);
}

function textOf(value: Value, { as = String }: Wanted, beside: Beside): string | Refusal {
  const text = JSON.stringify(value);
  if (text.includes("{{")) return new Refusal("is an expression of the chart: write what it comes to");
  if (text.includes("${"))
    return new Refusal("holds a variable of osls ($ and a brace), which a deployment would fill in");
  if ([value].flat().some((one) => /:\/\/.*@/s.test(String(one))))
    return new Refusal("holds a name or a password in a URL: it goes into settings of its own");
  return as(value, beside);
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
    for (const { setting, plain = "", keyName = "", byDefault } of secrets) {
      const keyPath = `${section}.${keyName}`;
      const plainPath = `${section}.${plain}`;
      if (byDefault === undefined && !leaves.has(keyPath)) continue;
      if (secret !== undefined) {
        if (leaves.has(plainPath)) taken.reasons.set(plainPath, `${section}.existingSecret holds it`);
        // A bind DN is no secret elsewhere: what a later section says is the one that belongs to its password.
        if (plain === "" && isSaidLater(setting, section, taken)) continue;
        const [name, key] = [String(secret), String(leaves.get(keyPath) ?? byDefault)];
        if (!(isKubernetesName(name) && isKubernetesName(key))) {
          const isOfChart = `${name}${key}`.includes("{{");
          const why = isOfChart
            ? "is an expression of the chart: write what it comes to"
            : "it, or its key, is no name that Kubernetes allows";
          taken.reasons.set(`${section}.existingSecret`, why);
          found.delete(setting); // an earlier section's would belong to somebody else
          continue;
        }
        noteUse(setting, `${section}.existingSecret`, taken);
        if (leaves.has(keyPath)) taken.reasons.set(keyPath, "");
        found.set(setting, { setting, section, secret: name, key });
      } else if (leaves.has(plainPath)) {
        noteUse(setting, plainPath, taken);
        found.set(setting, { setting, section: plainPath });
      }
    }
  }
  return [...found.values()];
}

function isSaidLater(setting: string, section: string, { from }: Taken): boolean {
  const key = from.get(setting) ?? "";
  const order = CREDENTIALS.map((one) => one.section);
  return order.slice(order.indexOf(section) + 1).some((later) => placeIn(later, key) !== undefined);
}

/** Whether TLS is begun on the way belongs to the addresses beside it: another section's may be ldaps:// already. */
function leaveOutForeignTls({ settings, reasons, from }: Taken): void {
  const key = from.get("LDAP_START_TLS") ?? "";
  if (placeIn(GITEA_SOURCE, key) === undefined || placeIn(GITEA_SOURCE, from.get("LDAP_URLS") ?? "") !== undefined)
    return;
  delete settings["LDAP_START_TLS"];
  reasons.set(key, `goes with its host, which ${from.get("LDAP_URLS")} overrides`);
}

/** Of a secret, or of a key in one: nothing that a shell or a template would read otherwise. */
const isKubernetesName = (text: string) => /^[._a-zA-Z0-9][-._a-zA-Z0-9]{0,252}$/.test(text);

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
