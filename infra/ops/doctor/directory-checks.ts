import { normalType } from "#shared/directory/dn.ts";
import { examineDirectory } from "#shared/directory/examine.ts";
import { Unauthorized } from "#shared/errors.ts";
import { type Check, type CheckGroup, type Finding, failed, warning } from "./check.ts";
import type { Deployment } from "./deployment.ts";
import { settingsCheck } from "./settings-checks.ts";

/** LDAP's side: the bind at every server, the bases, whom the filters find, the groups that settings name. */
export function directoryChecks(deployment: Deployment): CheckGroup {
  return {
    group: "LDAP",
    checks: [
      ofBind(deployment),
      ofBases(deployment),
      ofPeople(deployment),
      ofGroups(deployment),
      ofConfigured("LDAP_ALLOWED_GROUPS", deployment),
      ofConfigured("GROUP_TEAMS", deployment),
      ofId(deployment),
    ],
  };
}

const BIND = "LDAP bind";
const BASES = "LDAP bases";
const PEOPLE = "LDAP people";
const RIGHTS = "check the bases and filters, and what the bind account may read";

function ofBind(deployment: Deployment): Check {
  return {
    name: BIND,
    needs: [settingsCheck("directory")],
    advice: "check LDAP_URLS, and that the servers run and can be reached from here and from the functions",
    look: async () => {
      const settings = await deployment.settings("directory");
      const directory = examineDirectory(settings, deployment.signal);
      const troubles: string[] = [];
      for (const url of settings.LDAP_URLS) {
        try {
          await directory.bindAt(url);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          // A refused password is tried once and on one server: each try counts towards the account's lock-out.
          if (error instanceof Unauthorized) return failed(error.message, "correct LDAP_BIND_DN or LDAP_BIND_PASSWORD");
          troubles.push(error.message);
        }
      }
      if (troubles.length > 0) return failed(troubles.join("; "));
      return `${settings.LDAP_BIND_DN} at ${settings.LDAP_URLS.join(", ")}`;
    },
  };
}

function ofBases(deployment: Deployment): Check {
  return {
    name: BASES,
    needs: [BIND],
    advice: "correct them, or let the bind account read there",
    look: async () => {
      const settings = await deployment.settings("directory");
      const { LDAP_BASE, LDAP_USER_SEARCH_BASE = LDAP_BASE, LDAP_GROUP_SEARCH_BASE = LDAP_BASE } = settings;
      const directory = examineDirectory(settings, deployment.signal);
      const bases = Object.entries({ LDAP_BASE, LDAP_USER_SEARCH_BASE, LDAP_GROUP_SEARCH_BASE });
      const absent: string[] = [];
      for (const [name, dn] of bases) if (!(await directory.has(dn))) absent.push(`${name}: there is no "${dn}"`);
      return absent.length > 0 ? failed(absent.join("; ")) : [...new Set(bases.map(([, dn]) => dn))].join("; ");
    },
  };
}

function ofPeople(deployment: Deployment): Check {
  return {
    name: PEOPLE,
    needs: [BASES],
    advice: RIGHTS,
    look: async () => {
      const { LDAP_USER_SEARCH_FILTER: filter } = await deployment.settings("directory");
      const { people, broken, anomalies } = await deployment.everybody();
      const [anomaly] = anomalies;
      if (anomaly) return failed(`${anomaly.reason} (${anomaly.code})`);
      const [odd] = broken;
      if (people.length === 0) return failed(odd ? odd.reason : `${filter} finds nobody`);
      const gone = (code: string) => people.filter((person) => person.gone?.code === code).length;
      const [disabled, outside] = [gone("person.disabled"), gone("person.not-allowed")];
      const counts = `${people.length} found by ${filter}: ${people.length - disabled - outside} may come in, ${disabled} disabled, ${outside} in no allowed group`;
      if (disabled + outside === people.length) return failed(counts);
      return odd
        ? warning(
            `${counts}; ${broken.length} cannot be used: ${odd.reason}`,
            `${deployment.hint("sync --dry-run")} lists them`,
          )
        : counts;
    },
  };
}

function ofGroups(deployment: Deployment): Check {
  return {
    name: "LDAP groups",
    needs: [PEOPLE],
    advice: RIGHTS,
    look: async () => {
      const { LDAP_GROUP_SEARCH_FILTER: filter } = await deployment.settings("directory");
      const { groups, unresolvedMembers } = await deployment.everybody();
      if (groups.length === 0) return warning(`${filter} finds no group`, RIGHTS);
      const strangers = unresolvedMembers > 0 ? `, ${unresolvedMembers} members that are nobody found here` : "";
      return `${groups.length} found by ${filter}${strangers}`;
    },
  };
}

function ofConfigured(setting: "LDAP_ALLOWED_GROUPS" | "GROUP_TEAMS", deployment: Deployment): Check {
  const isAllowed = setting === "LDAP_ALLOWED_GROUPS";
  return {
    name: setting,
    // A group may be there where not one person is.
    needs: [BASES, ...(isAllowed ? [] : [settingsCheck("gitea")])],
    advice: "correct the setting, or make the group",
    look: async () => {
      const dns = isAllowed
        ? (await deployment.settings("directory")).LDAP_ALLOWED_GROUPS
        : Object.keys((await deployment.settings("gitea")).GROUP_TEAMS);
      if (dns.length === 0) return isAllowed ? "none is set: everybody found may come in" : "none is set";
      const { missingGroups, silentGroups } = await deployment.everybody();
      const absent = dns.filter((dn) => missingGroups.includes(dn)).map((dn) => `"${dn}"`);
      if (absent.length > 0) return failed(`the directory has no ${absent.join(" and no ")}`);
      const silent = dns.filter((dn) => silentGroups.includes(dn)).map((dn) => `"${dn}"`);
      if (silent.length > 0) return warning(`there, but without a member to see: ${silent.join(", ")}`, RIGHTS);
      return `${dns.length} of ${dns.length} groups are there`;
    },
  };
}

function ofId(deployment: Deployment): Check {
  return {
    name: "LDAP_ID_ATTRIBUTE",
    needs: [settingsCheck("directory")],
    advice: "",
    look: async (): Promise<Finding | string> => {
      const { LDAP_ID_ATTRIBUTE: id, LDAP_USER_ATTRIBUTE: name } = await deployment.settings("directory");
      if (id === undefined)
        return "not set: the one that the server keeps (objectGUID, nsUniqueId, entryUUID, ipaUniqueID)";
      if (normalType(id) !== normalType(name)) return id;
      return warning(
        `${id} is the user attribute itself: a name that is given to somebody else is not recognised, and account.unproven is off`,
        "right only for a directory that makes new ids at every start; else unset LDAP_ID_ATTRIBUTE",
      );
    },
  };
}
