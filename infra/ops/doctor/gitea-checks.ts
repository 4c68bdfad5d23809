import { giteaLists } from "#shared/gitea/account-list.ts";
import { examineGitea, SCOPES } from "#shared/gitea/examine.ts";
import { NATIVE_SYNC_ADVICE } from "../../../functions/directory-sync/native-sync.ts";
import { type Check, type CheckGroup, failed, warning } from "./check.ts";
import type { Deployment } from "./deployment.ts";
import { settingsCheck } from "./settings-checks.ts";

const NEW_TOKEN = `make a site admin's token with the scopes ${SCOPES.join(", ")} and put it where GITEA_TOKEN is kept`;
const OLDEST = [1, 22] as const;

/** Gitea's side: reachable, its version, what the credentials may do, and that it is set up as hubforge needs it. */
export function giteaChecks(deployment: Deployment): CheckGroup {
  return {
    group: "Gitea",
    checks: [
      ...ofAccess(deployment),
      ...ofRights(deployment),
      ofOrganisation(deployment),
      ofSource(deployment),
      ofNativeSync(deployment),
    ],
  };
}

export const REACHABLE = "Gitea reachable";
const SIGNED_IN = "Gitea credentials";
const ADMIN = "Gitea site admin";

/** Nothing that is asked here can write (shared/gitea/examine.ts), so these counts are for nobody. */
const invocation = ({ signal }: Deployment) => ({ signal, requests: { total: 0, writes: 0 } });

export async function examined(deployment: Deployment) {
  return examineGitea(await deployment.settings("gitea"), invocation(deployment));
}

function ofAccess(deployment: Deployment): Check[] {
  return [
    {
      name: REACHABLE,
      needs: [settingsCheck("gitea")],
      advice: "check GITEA_URL, and that Gitea runs and can be reached from here and from the functions",
      look: async () => {
        await (await examined(deployment)).knock();
        return `${(await deployment.settings("gitea")).GITEA_URL} answers`;
      },
    },
    {
      name: SIGNED_IN,
      needs: [REACHABLE],
      advice: NEW_TOKEN,
      look: async () => {
        await (await examined(deployment)).signIn();
        return "Gitea takes them";
      },
    },
    {
      name: "Gitea version",
      needs: [SIGNED_IN],
      advice: `upgrade Gitea to ${OLDEST.join(".")} or newer`,
      look: async () => {
        const version = await (await examined(deployment)).version();
        const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(version) ?? [];
        const isOld = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
        return isOld ? failed(`${version} is older than ${OLDEST.join(".")}`) : version;
      },
    },
    {
      name: ADMIN,
      needs: [SIGNED_IN],
      advice: NEW_TOKEN,
      look: async () => {
        const { login, is_admin } = await (await examined(deployment)).whoAmI();
        return is_admin
          ? `${login} is one`
          : failed(`${login} is no site admin`, `make ${login} a site admin, or ${NEW_TOKEN}`);
      },
    },
  ];
}

function ofRights(deployment: Deployment): Check[] {
  const rights = SCOPES.map(
    (scope): Check => ({
      name: `right ${scope}`,
      needs: [scope === "write:user" ? ADMIN : SIGNED_IN],
      advice: NEW_TOKEN,
      look: async () => {
        const gitea = await examined(deployment);
        // Only this right is tried on an account, the own one.
        await gitea.tryScope(scope, scope === "write:user" ? (await gitea.whoAmI()).login : "");
        return "tried by a write that Gitea refuses for what it lacks";
      },
    }),
  );
  const sudo: Check = {
    name: "right Sudo",
    needs: [ADMIN],
    advice: NEW_TOKEN,
    look: async () => {
      const gitea = await examined(deployment);
      const { login } = await gitea.whoAmI();
      return `asked as ${await gitea.actAs(login)}`;
    },
  };
  return [...rights, sudo];
}

function ofOrganisation(deployment: Deployment): Check {
  return {
    name: "organisation",
    needs: [SIGNED_IN],
    advice: "check GITEA_ORG, and that the account is a site admin",
    look: async () => {
      const { GITEA_ORG } = await deployment.settings("gitea");
      const found = await (await examined(deployment)).organisation();
      if (!found) return warning(`${GITEA_ORG} is not there yet`, "nothing: the first spawn makes it");
      const open = [
        ...(found.visibility === "private" ? [] : [`it is ${found.visibility}: make it private`]),
        ...(found.repo_admin_change_team_access
          ? ["its repositories' admins may give them to other teams: switch that off"]
          : []),
      ];
      if (open.length > 0) return failed(`${GITEA_ORG}: ${open.join("; ")}`, `in Gitea, the settings of ${GITEA_ORG}`);
      return `${GITEA_ORG} is there, private`;
    },
  };
}

/** An id that no account has could be any: Gitea's API does not list its sources. */
function ofSource(deployment: Deployment): Check {
  return {
    name: "auth source",
    needs: [ADMIN],
    advice:
      "set GITEA_AUTH_SOURCE_ID to the number in the URL of the LDAP source (Site Administration, Authentication Sources)",
    look: async () => {
      const { GITEA_AUTH_SOURCE_ID: id } = await deployment.settings("gitea");
      const gitea = await examined(deployment);
      const linked = await gitea.accountsOf(id);
      const [first] = linked.accounts;
      if (first) return `${id} is that of ${linked.count} accounts, ${first.login} among them`;
      const others = new Set(
        (await gitea.accountsOf(0)).accounts.map(({ source_id }) => source_id).filter((other) => other > 0),
      );
      if (others.size > 0)
        return failed(`no account has the source ${id}; there are some of ${[...others].join(", ")}`);
      return warning(`no account is linked yet, so ${id} is not proved`, "look again after somebody's first login");
    },
  };
}

function ofNativeSync(deployment: Deployment): Check {
  return {
    name: "Gitea's own LDAP sync",
    needs: [ADMIN],
    advice: NEW_TOKEN,
    look: async () => {
      const settings = await deployment.settings("gitea");
      const runs = await giteaLists(settings, invocation(deployment)).nativeSyncRuns();
      if (settings.GITEA_NATIVE_SYNC)
        return `left to it names and mail (GITEA_NATIVE_SYNC); ${runs} runs since Gitea started`;
      if (runs === 0) return "has not run since Gitea started";
      return warning(
        `has run ${runs} times since Gitea started: where it is on for the source, two writers undo each other`,
        NATIVE_SYNC_ADVICE,
      );
    },
  };
}
