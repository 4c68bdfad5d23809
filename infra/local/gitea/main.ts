import { parseArgs } from "node:util";
import * as z from "zod";
import { startGitea } from "./server.ts";

/** The stand-in as a process of its own: `node infra/local/gitea/main.ts --dir … [--port …]`. */

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    port: { type: "string" },
    username: { type: "string" },
    email: { type: "string" },
    "ldap-url": { type: "string" },
    "ldap-bind-dn": { type: "string" },
    "ldap-user-base": { type: "string" },
    "ldap-user-filter": { type: "string" },
  },
});

const settings = z
  .object({
    dir: z.string().min(1),
    port: z.coerce.number().int().default(0),
    username: z.string().default("svc"),
    email: z.string().optional(),
    "ldap-url": z.string().optional(),
    "ldap-bind-dn": z.string().default(""),
    "ldap-user-base": z.string().default(""),
    "ldap-user-filter": z.string().default("(uid=%s)"),
  })
  .parse({ dir: process.env["GITEA_DIR"], port: process.env["GITEA_PORT"], ...values });

const ldapUrl = settings["ldap-url"];
const gitea = await startGitea({
  dir: settings.dir,
  port: settings.port,
  hasOwnProcess: true,
  service: { username: settings.username, ...(settings.email === undefined ? {} : { email: settings.email }) },
  ...(ldapUrl === undefined
    ? {}
    : {
        ldap: {
          url: ldapUrl,
          bindDn: settings["ldap-bind-dn"],
          // Never on the command line, where every process of the machine could read it.
          bindPassword: process.env["LDAP_BIND_PASSWORD"] ?? "",
          userBase: settings["ldap-user-base"],
          userFilter: settings["ldap-user-filter"],
        },
      }),
});

const { url, token, username, password, sourceId } = gitea;
process.stdout.write(`${JSON.stringify({ url, token, username, password, sourceId })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void gitea.stop().then(() => process.exit(0)));
}
