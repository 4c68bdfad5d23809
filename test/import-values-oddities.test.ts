import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { importValues } from "../infra/import-values/import-values.ts";

const example = await readFile(new URL("../infra/import-values/example-values.yaml", import.meta.url), "utf8");

const reasonsIn = (text: string) => new Map(importValues(text, "uni").unused.map(({ key, reason }) => [key, reason]));

describe("values that say the same thing in several ways", () => {
  it("takes the credentials of Gitea's own source from its secret, by the keys of its chart", () => {
    const source = { host: "ldap.uni", existingSecret: "gitea-ldap", bindDn: "cn=old,dc=uni" };
    const ofGitea = (hub: object) =>
      importValues(JSON.stringify({ gitea: { gitea: { ldap: [source] } }, "ilum-jupyterhub": { ldap: hub } }), "uni");
    const alone = ofGitea({});
    expect(alone.settings).toMatchObject({
      LDAP_BIND_DN: "ssm:/hubforge/uni/ldap-bind-dn",
      LDAP_BIND_PASSWORD: "ssm:/hubforge/uni/ldap-bind-password",
    });
    for (const key of ["bindDn", "bindPassword"]) {
      expect(alone.commands.join("\n")).toContain(
        `kubectl get secret gitea-ldap -o 'go-template={{index .data "${key}"`,
      );
    }
    // The hub's own password goes with the hub's own DN.
    const hub = ofGitea({ bindDn: "cn=reader,dc=uni", existingSecret: "hub-ldap" });
    expect(hub.settings["LDAP_BIND_DN"]).toBe("cn=reader,dc=uni");
    expect(hub.commands.join("\n")).not.toContain("gitea-ldap");
  });

  it("takes the hub's bind DN from its secret where usernameKey names it, over the platform's that goes with another password", () => {
    const platform = { security: { ldap: { username: "cn=platform,dc=uni", password: "x" } } };
    const hub = { ldap: { existingSecret: "hub-ldap", usernameKey: "bind-dn", passwordKey: "bind-pw" } };
    const { settings, commands } = importValues(
      JSON.stringify({ "ilum-core": platform, "ilum-jupyterhub": hub }),
      "uni",
    );
    expect(settings["LDAP_BIND_DN"]).toBe("ssm:/hubforge/uni/ldap-bind-dn");
    for (const key of ["bind-dn", "bind-pw"])
      expect(commands.join("\n")).toContain(`hub-ldap -o 'go-template={{index .data "${key}"`);
  });

  it("takes no bind DN from an earlier section's secret where a later one says it, and no other password for one it cannot use", () => {
    const core = { security: { ldap: { existingSecret: "core", usernameKey: "dn", base: "dc=uni" } } };
    const mixed = (ldap: object) =>
      importValues(JSON.stringify({ "ilum-core": core, "ilum-jupyterhub": { ldap } }), "uni");
    expect(mixed({ bindDn: "cn=reader,dc=uni", password: "x" }).settings["LDAP_BIND_DN"]).toBe("cn=reader,dc=uni");
    const ofChart = mixed({ bindDn: "cn=reader,dc=uni", existingSecret: "{{ .Release.Name }}-ldap" });
    expect(ofChart.settings).not.toHaveProperty("LDAP_BIND_PASSWORD");
    expect(ofChart.problems).toContain("LDAP_BIND_PASSWORD: is missing");
    expect(ofChart.unused).toContainEqual({
      key: "ilum-jupyterhub.ldap.existingSecret",
      reason: "is an expression of the chart: write what it comes to",
    });
  });

  it("leaves Gitea's StartTLS out where another section's addresses are taken", () => {
    const gitea = { gitea: { ldap: [{ host: "ldap.uni", securityProtocol: "StartTLS" }] } };
    const hub = { ldap: { urls: ["ldaps://hub.uni"] } };
    const { settings, unused } = importValues(JSON.stringify({ gitea, "ilum-jupyterhub": hub }), "uni");
    expect(settings).toMatchObject({ LDAP_URLS: "ldaps://hub.uni" });
    expect(settings).not.toHaveProperty("LDAP_START_TLS");
    expect(unused.find(({ key }) => key.endsWith("securityProtocol"))?.reason).toMatch(
      /ilum-jupyterhub\.ldap\.urls overrides$/,
    );
  });

  it.each(["http://admin:hun/ter2@gitea", 'http://admin:hun"ter2@gitea'])("shows no password of %s", (url) => {
    const text = JSON.stringify({ "ilum-jupyterhub": { git: { address: url }, ldap: { urls: [url] } } });
    expect(JSON.stringify(importValues(text, "uni"))).not.toContain("ter2");
  });

  it("says of a password beside an existingSecret that the secret holds it", () => {
    const both = example.replace("    usernameKey:", "    password: hunter2\n    usernameKey:");
    expect(reasonsIn(both).get("ilum-jupyterhub.git.password")).toBe("ilum-jupyterhub.git.existingSecret holds it");
    expect(importValues(both, "uni").commands).toEqual(importValues(example, "uni").commands);
  });

  it.each(["(uid=%s)", "(|(uid=%[1]s)(mail=%[1]s))"])("reads %s as Gitea does", (userFilter) => {
    const { settings } = importValues(
      JSON.stringify({ gitea: { gitea: { ldap: [{ host: "x", userFilter }] } } }),
      "uni",
    );
    expect(settings["LDAP_USER_SEARCH_FILTER"]).toBe(userFilter.replaceAll(/%(\[1\])?s/g, "{0}"));
    expect(settings["LDAP_USER_SEARCH_FILTER"]).not.toContain("%");
  });

  it("takes merge keys for what Helm takes them for", () => {
    const merged = "d: &d { address: 'http://git', orgName: uni }\nilum-jupyterhub: { git: { <<: *d, orgName: own } }";
    expect(importValues(merged, "uni").settings).toMatchObject({ GITEA_URL: "http://git", GITEA_ORG: "own" });
  });

  it.each([
    ["dc=uni,dc=example", "ou=people", "ou=people,dc=uni,dc=example"],
    ["dc=uni,dc=example", "ou=people,DC=other,dc=example", "ou=people,DC=other,dc=example"],
    ["o=uni", "ou=people,O=Uni", "ou=people,O=Uni"],
  ])("writes a search base whole, and only where it is not: below %s, %s is %s", (base, userSearchBase, whole) => {
    const values = { "ilum-jupyterhub": { ldap: { base, userSearchBase } } };
    expect(importValues(JSON.stringify(values), "uni").settings["LDAP_USER_SEARCH_BASE"]).toBe(whole);
  });
});
