import { parseArgs } from "node:util";

const PORT = 8750;
export const USAGE = `usage: npm start -- [--once] [--json] [--port <number>]

Runs hubforge on this machine, on loopback only, and shows a first login.

  --once           end after the login: exit code 0 if it is complete
  --json           print the login as one JSON object on stdout, everything else on stderr
  --port <number>  where the ingress listens (default ${PORT}, or a free port if that is taken)
`;

export type Flags = { once: boolean; json: boolean; ports: number[] };

/** What `npm start -- …` was given, or the sentence that says what is wrong with it. */
export function readFlags(words: string[]): Flags | string {
  try {
    const { values } = parseArgs({
      args: words,
      options: { once: { type: "boolean" }, json: { type: "boolean" }, port: { type: "string" } },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536))
      return "--port takes a port number";
    return { once: values.once ?? false, json: values.json ?? false, ports: port === undefined ? [PORT, 0] : [port] };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
