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
