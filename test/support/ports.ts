import { createServer, type Server, type Socket } from "node:net";

/** A place that takes every connection and never says a word. */
export async function startSilence() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => undefined)));
  const port = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A port on which nobody listens: below 1024, so that no test beside this one is given it, and none of those that fetch
 * refuses to call.
 */
export const CLOSED_PORT = 5;

/** Starts to listen on loopback, by default on a free port, and tells which one it is. */
export function listen(server: Pick<Server, "once" | "off" | "listen" | "address">, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
      else reject(new Error("no port"));
    });
  });
}
