import { createServer, type Server } from "node:net";

/** Ports of loopback that nobody holds at this moment, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let left = count; left > 0; left -= 1) servers.push(await listen(0));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** This port if nobody holds it, else any free one. */
export async function preferPort(port: number): Promise<number> {
  const server = await listen(port).catch(() => listen(0));
  const found = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return found;
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject).listen(port, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the probe has no port");
  return address.port;
}
