import type { Gitea } from "../../infra/local/gitea/server.ts";

/**
 * A real Gitea instead of the stand-in, for the tests of the stages: `WORLD_GITEA_URL`, `WORLD_GITEA_TOKEN` of a site admin,
 * `WORLD_GITEA_SOURCE_ID` of an LDAP source that asks the port `WORLD_LDAP_PORT` on loopback. Each test file wants it empty.
 */
const { WORLD_GITEA_URL, WORLD_GITEA_TOKEN, WORLD_GITEA_SOURCE_ID, WORLD_LDAP_PORT } = process.env;

/** Faults, switches and crash states are the stand-in's only. */
export const IS_STAND_IN = WORLD_GITEA_URL === undefined;

export function outsideDirectoryPort(): { port?: number } {
  return WORLD_LDAP_PORT === undefined ? {} : { port: Number(WORLD_LDAP_PORT) };
}

export function outsideGitea(): Gitea | undefined {
  if (WORLD_GITEA_URL === undefined) return undefined;
  const onlyStandIn = (): never => {
    throw new Error("a real Gitea has no faults, switches or crash states: run this test on the stand-in only");
  };
  return {
    url: WORLD_GITEA_URL,
    token: WORLD_GITEA_TOKEN ?? "",
    username: "svc",
    password: WORLD_GITEA_TOKEN ?? "", // taken as one (shared/gitea/README.md §5)
    sourceId: Number(WORLD_GITEA_SOURCE_ID ?? 1),
    requests: [],
    get faults() {
      return onlyStandIn();
    },
    get switches() {
      return onlyStandIn();
    },
    setState: onlyStandIn,
    stop: async () => undefined,
  };
}
