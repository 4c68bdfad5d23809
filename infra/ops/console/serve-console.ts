import { randomInt } from "node:crypto";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import type { Target } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { createApp } from "./app.ts";
import { openDesk } from "./desk.ts";
import { createDoor } from "./door.ts";
import { watchGitea } from "./watch-gitea.ts";
import { watchQueues } from "./watch-queues.ts";

export type RunningConsole = {
  /** An address for one browser, with a key in its fragment that works once: for the eyes of whoever started it. */
  newUrl(): string;
  /** It has an address of its own: no other server of this machine is sent its cookie. */
  isApart: boolean;
  /** Gives back what is held. True when something that was going on was cut short. */
  stop(): Promise<boolean>;
};

const SHARED = "127.0.0.1";

/**
 * The console on a loopback address of its own, because cookies know addresses and no ports: a server on another port of
 * 127.0.0.1 would be sent the console's. On 127.0.0.1 where somebody names a port, to find it there (ssh -L), and on systems
 * that have no other (macOS).
 * @throws UsageError where the port is taken
 */
export async function serveConsole(target: Target, port: number, own = ownAddress()): Promise<RunningConsole> {
  let host = "";
  const door = createDoor(() => host);
  const desk = openDesk(target);
  const { environment } = target;
  const app = createApp({ door, desk, queues: watchQueues(environment), gitea: watchGitea(environment) });
  const server = (port === 0 && (await listen(app, own, 0).catch(onlyShared))) || (await listen(app, SHARED, port));
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) throw new Error("a server that listens has an address");
  host = `${bound.address}:${bound.port}`;
  return {
    isApart: bound.address !== SHARED,
    newUrl: () => `http://${host}/#${door.newKey()}`,
    stop: async () => {
      const isClosed = new Promise<void>((resolve) => void server.close(() => resolve()));
      const wasCut = await desk.jobs.end();
      server.closeAllConnections();
      await isClosed;
      return wasCut;
    },
  };
}

/** One of 127.0.0.0/8 that nobody else is likely to have. */
function ownAddress(): string {
  return `127.${randomInt(1, 256)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

/** @throws what is no lack of addresses */
function onlyShared(error: unknown): undefined {
  const { cause } = error as Error;
  if (!(cause instanceof Error && "code" in cause && cause.code === "EADDRNOTAVAIL")) throw error;
  return undefined;
}

async function listen(app: ReturnType<typeof createApp>, hostname: string, port: number): Promise<Server> {
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname, port }, () => resolve(server)) as Server;
    server.once("error", (cause) => {
      const trouble = `the console cannot listen on port ${port} (${cause.message}): choose another by --port`;
      reject(new UsageError(trouble, { cause }));
    });
  });
}
