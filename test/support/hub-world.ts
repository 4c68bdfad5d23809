import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RealHub, startHub } from "../../infra/local/hub/start-hub.ts";
import { type Stack, type StackOptions, startLocalStack } from "../../infra/local/stack.ts";
import { type Gate, openGate } from "./gate.ts";
import { type HubDriver, hubDriver } from "./hub-driver.ts";
import { endServers } from "./hub-servers.ts";

const JUPYTERHUB_GROUP = "cn=jupyterhub,ou=groups,dc=uni,dc=example";

export type HubWorld = { stack: Stack; gate: Gate; hub: RealHub; stop(): Promise<void> } & HubDriver;

type Options = {
  /** HUBFORGE_HUB_* for local_hub_config.py. */
  hub?: Record<string, string>;
  /** Settings of the functions. */
  settings?: Record<string, string>;
  seedLdif?: StackOptions["seedLdif"];
  /** Nobody signs in: names and passwords are not looked at. */
  isWithoutLdap?: boolean;
};

/** The whole pipeline as `npm start` has it, and a real JupyterHub before it whose way to the ingress is a gate of ours. */
export async function startHubWorld({ hub: more = {}, settings = {}, seedLdif, isWithoutLdap }: Options = {}) {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-hub-"));
  const LDAP_ALLOWED_GROUPS = JSON.stringify([JUPYTERHUB_GROUP]);
  const stack = await startLocalStack({
    dir: join(dir, "stack"),
    settings: { LDAP_ALLOWED_GROUPS, ...settings },
    ...(seedLdif && { seedLdif }),
  });
  const gate = await openGate(stack.url);
  const directory = isWithoutLdap ? {} : { ...stack.slapd.environment, LDAP_ALLOWED_GROUPS };
  const hub = await startHub({
    dir: join(dir, "hub"),
    hubforge: { url: gate.url, secret: stack.secret, hub: stack.hub },
    directory,
    environment: { HUBFORGE_HUB_POLL: "2", HUBFORGE_HUB_RECONCILE: "2", HUBFORGE_HUB_HTTP_TIMEOUT: "60", ...more },
  });
  const stop = async () => {
    await hub.stop();
    await endServers(hub);
    await gate.close();
    await stack.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { stack, gate, hub, stop, ...hubDriver(hub) } satisfies HubWorld;
}
