import { parseArgs } from "node:util";
import { explain } from "./explain.ts";
import { type HubMessage, postEvent } from "./post-event.ts";
import { runningStacks } from "./run-folder.ts";

const USAGE = `usage: npm run send -- --user <name> [--type server.spawning|server.stopped]

Posts one signed event, as a hub would, to the local stack that runs (npm start) or to any ingress.

  --user <name>      whose server, e.g. bob
  --type <type>      server.spawning (default) or server.stopped
  --server <name>    the server's name; empty for the default one
  --session <id>     the session; a new one by default
  --account <name>   server.stopped: the Gitea account whose token the session had
  --id <webhook-id>  the delivery's id; the same again is the same delivery
  --url <url>        the ingress; with it --secret, and --hub if that is not "default"
  --secret whsec_…   what the hub signs with
`;

const text = { type: "string" } as const;
const OPTIONS = {
  user: text,
  type: text,
  server: text,
  session: text,
  account: text,
  id: text,
  url: text,
  secret: text,
  hub: text,
};

process.exitCode = await main();

async function main(): Promise<number> {
  const wish = readWish(process.argv.slice(2));
  if (typeof wish === "string") {
    process.stderr.write(`${wish}\n\n${USAGE}`);
    return 2;
  }
  try {
    const { url, secret, message } = wish;
    const { status, delivery, message: answer } = await postEvent(url, secret, message);
    if (status === 202) process.stdout.write(`queued at ${url}: delivery ${delivery}\n`);
    else process.stderr.write(`the ingress answered ${status}: ${answer}\n`);
    return status === 202 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`hubforge: ${wish.url} did not answer: ${causeOf(error)}\n`);
    return 1;
  }
}

type Wish = { url: string; secret: string; message: HubMessage };

function readWish(words: string[]): Wish | string {
  try {
    const { values } = parseArgs({ args: words, options: OPTIONS });
    const { user, type = "server.spawning", url, secret, hub = "default", id, ...rest } = values;
    if (!user) return "--user is missing";
    if (type !== "server.spawning" && type !== "server.stopped") return `--type ${type} is not an event`;
    if ((url === undefined) !== (secret === undefined)) return "--url and --secret go together";
    const target = url && secret ? { url, secret, hub } : runningStacks().at(-1);
    if (!target)
      return "no local stack is running: start one with npm start, or name an ingress with --url and --secret";
    const message = { type, user, hub: target.hub, ...rest, ...(id && { delivery: id }) } as const;
    return { url: target.url, secret: target.secret, message };
  } catch (error) {
    return explain(error);
  }
}

/** fetch hides the reason in `cause`. */
function causeOf(error: unknown): string {
  return explain(error instanceof Error && error.cause ? error.cause : error);
}
