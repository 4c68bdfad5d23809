import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { importValues } from "../infra/import-values/import-values.ts";

const example = await readFile(new URL("../infra/import-values/example-values.yaml", import.meta.url), "utf8");

const unusedIn = (text: string) =>
  Object.fromEntries(importValues(text, "uni").unused.map(({ key, reason }) => [key, reason]));

describe("importing the platform's values", () => {
  const imported = importValues(example, "uni");

  it("gives a stage that could be deployed as it is", () => {
    expect(imported.problems).toEqual([]);
  });

  it("takes the hub's own LDAP section over the platform's", () => {
    expect(imported.settings).toMatchObject({
      LDAP_URLS: "ldaps://ldap-1.uni.example:636 ldaps://ldap-2.uni.example:636",
      LDAP_BASE: "dc=uni,dc=example",
      LDAP_BIND_DN: "cn=reader,dc=uni,dc=example",
      LDAP_FULLNAME_ATTRIBUTE: "displayName",
      LDAP_ALLOWED_GROUPS: '["cn=data,ou=groups,dc=uni,dc=example","cn=staff,ou=groups,dc=uni,dc=example"]',
      LDAP_ADMIN_USERS: "ada grace",
      GITEA_URL: "http://ilum-gitea-http.ilum:3000",
      COMMIT_EMAIL: "ilum@ilum",
      SYNC_SCHEDULE: "rate(5 minutes)",
    });
    expect(unusedIn(example)["ilum-core.security.ldap.base"]).toBe("overridden by ilum-jupyterhub.ldap.base");
  });

  it("falls back on the platform's section, with search bases written whole, and on Gitea's source after that", () => {
    const platform = example.replace(/ {2}ldap:\n {4}enabled[\s\S]*? {2}git:/, "  git:");
    expect(importValues(platform, "uni").settings).toMatchObject({
      LDAP_URLS: "ldap://ilum-openldap.ilum:389",
      LDAP_USER_SEARCH_BASE: "ou=people,dc=ilum,dc=cloud",
      LDAP_ADMIN_USERS: "ilumadmin",
    });
    const onlyGitea = `gitea: ${JSON.stringify({ gitea: { ldap: [{ host: "ldap.uni.example", userFilter: "(uid=%s)" }] } })}`;
    expect(importValues(onlyGitea, "uni").settings).toMatchObject({
      LDAP_URLS: "ldap://ldap.uni.example",
      LDAP_USER_SEARCH_FILTER: "(uid={0})",
    });
  });

  it("leaves every secret a reference, and tells how to copy it by its own key names", () => {
    expect(imported.settings).toMatchObject({
      LDAP_BIND_PASSWORD: "ssm:/hubforge/uni/ldap-bind-password",
      GITEA_USERNAME: "ssm:/hubforge/uni/gitea-username",
      GITEA_PASSWORD: "ssm:/hubforge/uni/gitea-password",
    });
    const [, ldap] = imported.commands;
    expect(ldap).toContain(
      `kubectl get secret hub-ldap -o 'go-template={{index .data "bind-password" | base64decode}}'`,
    );
    expect(JSON.stringify(imported)).not.toContain("platform-password");
  });

  it("names every key that became nothing, with the reason", () => {
    const unused = unusedIn(example);
    expect(unused["ilum-jupyterhub.git.repository"]).toMatch(/^has no \{username\}: everybody would share one/);
    expect(unused["ilum-jupyterhub.ldap.lookupDn"]).toBe("the DN is always found by a search");
    expect(unused["postgresql.enabled"]).toBe("hubforge has no setting for it");
    const used = unusedIn(example.replace("repository: jupyter", "repository: nb-{username}"));
    expect(used).not.toHaveProperty(["ilum-jupyterhub.git.repository"]);
  });

  it("says what a deployment would still refuse", () => {
    const without = example.replace("    address: http://ilum-gitea-http.ilum:3000\n", "");
    expect(importValues(without, "uni").problems).toEqual(["GITEA_URL: is missing"]);
  });

  it("takes nothing away for what is empty or switched off, as a chart's defaults are", () => {
    const platform = importValues(example.replace(/ {2}ldap:\n {4}enabled[\s\S]*? {2}git:/, "  git:"), "uni");
    const bare =
      "{ urls: [], base: '', bindDn: null, existingSecret: '', password: '', adminUsers: [], userMapping: {} }";
    const empty = example.replace(/ {2}ldap:\n {4}enabled[\s\S]*? {2}git:/, `  ldap: ${bare}\n  git:`);
    expect(importValues(empty, "uni")).toMatchObject({ settings: platform.settings, commands: platform.commands });
    expect(unusedIn(empty)).toMatchObject({
      "ilum-jupyterhub.ldap.urls": "is empty",
      "ilum-jupyterhub.ldap.existingSecret": "is empty",
      "ilum-jupyterhub.ldap.userMapping": "is empty",
    });
    const off = example.replace("    enabled: true\n    urls", "    enabled: false\n    urls");
    expect(importValues(off, "uni")).toMatchObject({ settings: platform.settings, commands: platform.commands });
    expect(unusedIn(off)["ilum-jupyterhub.ldap.existingSecret"]).toBe("its section is switched off");
  });

  it.each([
    [{ securityProtocol: "LDAPS", port: 636 }, { LDAP_URLS: "ldaps://ldap.uni:636" }],
    [
      { securityProtocol: "StartTLS", port: "" },
      { LDAP_URLS: "ldap://ldap.uni", LDAP_START_TLS: "true" },
    ],
    [{ securityProtocol: "unencrypted", port: "1389" }, { LDAP_URLS: "ldap://ldap.uni:1389" }],
  ])("keeps to the encryption of Gitea's own source: %o", (how, wanted) => {
    const { settings } = importValues(
      JSON.stringify({ gitea: { gitea: { ldap: [{ host: "ldap.uni", ...how }] } } }),
      "uni",
    );
    const named = Object.entries(settings).filter(([name]) => /^LDAP_(URLS|START_TLS)$/.test(name));
    expect(Object.fromEntries(named)).toEqual(wanted);
  });

  it.each([
    ["a: [1", "it is not YAML at line 1, column 6: BAD_INDENT"],
    ["password: hunter2\npassword: hunter3", "it is not YAML at line 2, column 1: DUPLICATE_KEY"],
    ["a: 1\n---\nb: 2", "it holds several documents (---): give it one"],
    ["a: *hunter2", "it is not YAML: an alias (*name) has no anchor before it, or there are too many of them"],
    [
      `a: &a [x]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(50)}]`,
      "it is not YAML: an alias (*name) has no anchor before it, or there are too many of them",
    ],
    ["a: &a {b: *a}", "it holds more than 100000 values, or refers to itself"],
    [
      `a: &a [${"x,".repeat(20_000)}]\nb: [${"*a,".repeat(9)}]`,
      "it holds more than 100000 values, or refers to itself",
    ],
    ["[".repeat(20_000), expect.stringMatching(/^it is not YAML at line 1, column \d+: RESOURCE_EXHAUSTION$/)],
    [
      JSON.stringify({ a: Array.from({ length: 130_000 }, () => 1) }),
      "it holds more than 100000 values, or refers to itself",
    ],
    ["- a", "it holds no Helm values, which are names with values below them"],
    ["text", "it holds no Helm values, which are names with values below them"],
  ])("says of a text that is none what it is, and nothing that stands in it: case %#", (text, message) => {
    expect(() => importValues(text, "uni")).toThrow(expect.objectContaining({ message }));
  });

  it.each(["hub-ldap'; id; '", "$(id)", "a b", "x\ny", "--kubeconfig"])(
    "writes no command with the odd name %j in it",
    (name) => {
      for (const odd of [
        example.replace("existingSecret: hub-ldap", `existingSecret: ${JSON.stringify(name)}`),
        example.replace("passwordKey: bind-password", `passwordKey: ${JSON.stringify(name)}`),
      ]) {
        expect(importValues(odd, "uni").commands.join("\n")).not.toContain(name);
        expect(unusedIn(odd)["ilum-jupyterhub.ldap.existingSecret"]).toMatch(/no name that Kubernetes allows/);
      }
    },
  );

  it.each([
    [
      "email: ilum@ilum",
      `email: "$\{env:AWS_SECRET_ACCESS_KEY}@x.y"`,
      "ilum-jupyterhub.git.email",
      "holds a variable of osls",
    ],
    [
      "http://ilum-gitea-http.ilum:3000",
      "http://admin:hunter2@gitea",
      "ilum-jupyterhub.git.address",
      "holds a name or a password",
    ],
  ])("takes nothing over that would become a secret in the open: %s as %s", (given, odd, key, reason) => {
    const { settings, unused } = importValues(example.replace(given, odd), "uni");
    expect(unused.find((one) => one.key === key)?.reason).toContain(reason);
    expect(JSON.stringify(settings)).not.toMatch(/\$\{|hunter2/);
  });

  it("takes no expression of the chart for a value, and no odd schedule", () => {
    const odd = example
      .replace("@every 5m", "@midnight")
      .replace("orgName: ilum-jupyterhub", 'orgName: "{{ .Values.x }}"');
    expect(unusedIn(odd)).toMatchObject({
      "ilum-jupyterhub.git.orgName": "is an expression of the chart: write what it comes to",
      "gitea.gitea.config.cron.sync_external_users.SCHEDULE": expect.stringContaining("set SYNC_SCHEDULE"),
    });
  });
});
