import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { type Door, listenOnFirst } from "../door.ts";
import type { Address } from "./emulator.ts";

export type Relay = Door & {
  /** Path → where the deployed function answers; 503 until this is said, so that whoever asks comes again. */
  lead(addresses: ReadonlyMap<string, Address>): void;
};

/**
 * One address on loopback in front of deployed functions. Emulators give out addresses that change with each deployment, or
 * names that resolve nowhere; a hub wants one base URL.
 */
export async function openRelay(ports: readonly number[] = [0]): Promise<Relay> {
  let addresses: ReadonlyMap<string, Address> | undefined;
  const server = createServer((incoming, response) => {
    const [path = ""] = (incoming.url ?? "").split("?"); // what is no URL ("//") must not end us
    const address = addresses?.get(path);
    if (address) pass(incoming, response, address);
    else response.writeHead(addresses ? 404 : 503, { "content-type": "application/json" }).end();
  });
  const port = await listenOnFirst(server, ports);
  return {
    url: `http://127.0.0.1:${port}`,
    lead: (found) => {
      addresses = found;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pass(incoming: IncomingMessage, response: ServerResponse, { url, host }: Address): void {
  const target = new URL(url);
  const outgoing = request({
    hostname: target.hostname,
    port: target.port,
    path: `${target.pathname.replace(/\/$/, "")}${incoming.url ?? "/"}`,
    method: incoming.method,
    headers: { ...incoming.headers, host: host ?? target.host },
  });
  outgoing.once("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response, () => undefined); // an answer that breaks off breaks off here as well
  });
  outgoing.once("error", () => response.headersSent || response.writeHead(502).end());
  incoming.pipe(outgoing);
}
