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
  /** Gives back what is held. True when something that was going on was cut short. */
  stop(): Promise<boolean>;
};

/** The console on 127.0.0.1; `port` 0 is any free one. @throws UsageError where the port is taken */
export async function serveConsole(target: Target, port: number): Promise<RunningConsole> {
  let host = "";
  const door = createDoor(() => host);
  const desk = openDesk(target);
  const { environment } = target;
  const app = createApp({ door, desk, queues: watchQueues(environment), gitea: watchGitea(environment) });
  const server = await listen(app, port);
  const address = server.address();
  host = `127.0.0.1:${typeof address === "object" && address ? address.port : port}`;
  return {
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

async function listen(app: ReturnType<typeof createApp>, port: number): Promise<Server> {
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port }, () => resolve(server)) as Server;
    server.once("error", (error) => {
      reject(new UsageError(`the console cannot listen on port ${port} (${error.message}): choose another by --port`));
    });
  });
}
