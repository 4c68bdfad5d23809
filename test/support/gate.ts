import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Passed = { path: string; delivery: string; body: string; status: number };

/**
 * Stands between the hub and our door, so that a test can take the way away:
 * `refuse` closes the port, `hang` takes requests and says nothing, `lose` passes them on and loses the answers.
 */
export async function openGate(target: string) {
  const passed: Passed[] = [];
  const state: { mode: "pass" | "hang" | "lose" } = { mode: "pass" };
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readAll(request);
    const seen: Passed = { path: request.url ?? "", delivery: String(request.headers["webhook-id"]), body, status: 0 };
    passed.push(seen);
    if (state.mode === "hang") return;
    const answer = await fetch(`${target}${request.url}`, { method: "POST", headers: headersOf(request), body });
    const text = await answer.text();
    seen.status = answer.status;
    if (state.mode === "lose") return;
    const retryAfter = answer.headers.get("retry-after");
    const headers = { "content-type": "application/json", ...(retryAfter && { "retry-after": retryAfter }) };
    response.writeHead(answer.status, headers).end(text);
  };
  let server = await listen(handle, 0);
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    passed,
    state,
    refuse: close,
    reopen: async () => {
      server = await listen(handle, port);
    },
    close,
  };
}

export type Gate = Awaited<ReturnType<typeof openGate>>;

function listen(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>, port: number) {
  return new Promise<Server>((resolve, reject) => {
    const server = createServer((request, response) => {
      handle(request, response).catch(() => response.destroy());
    });
    server.once("error", reject).listen(port, "127.0.0.1", () => resolve(server));
  });
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const names = ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"];
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
