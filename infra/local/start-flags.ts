import { parseArgs } from "node:util";
import { why } from "#shared/why.ts";

const PORT = 8750;
export const USAGE = `usage: npm start -- [--hub | --cloud [ministack|localstack]] [--once] [--json] [--port <number>]

Runs hubforge on this machine, on loopback only, and shows a first login.

  --hub            run a real JupyterHub beside it (needs Python), to log in to with a browser; its first start
                   installs it
  --cloud          deploy the template to an emulated AWS and run the functions there: ministack (default), or
                   LocalStack (the one at AWS_ENDPOINT_URL, else its open core is installed and run)
  --once           end after the login: exit code 0 if it is complete
  --json           print the login as one JSON object on stdout, everything else on stderr
  --port <number>  where the ingress listens (default ${PORT}, or a free port if that is taken)
`;

const CLOUDS = ["ministack", "localstack"] as const;
export type Cloud = (typeof CLOUDS)[number];
export type Flags = { once: boolean; json: boolean; ports: number[]; cloud: Cloud | undefined; hub: boolean };

/** What `npm start -- …` was given, or the sentence that says what is wrong with it. */
export function readFlags(words: string[]): Flags | string {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      options: {
        once: { type: "boolean" },
        json: { type: "boolean" },
        port: { type: "string" },
        cloud: { type: "boolean" },
        hub: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const [name = CLOUDS[0], ...others] = positionals;
    const cloud = CLOUDS.find((one) => one === name);
    if (others.length > 0 || !cloud || (positionals.length > 0 && !values.cloud))
      return `unexpected: ${positionals.join(" ")}`;
    if (values.hub && (values.cloud || values.once || values.json))
      return "--hub goes with --port only: the first login is yours";
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536))
      return "--port takes a port number";
    return {
      once: values.once ?? false,
      json: values.json ?? false,
      ports: port === undefined ? [PORT, 0] : [port],
      cloud: values.cloud ? cloud : undefined,
      hub: values.hub ?? false,
    };
  } catch (error) {
    return why(error);
  }
}
