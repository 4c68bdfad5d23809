import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import * as z from "zod";
import { createContext } from "./event-source.ts";
import type { Handler } from "./functions.ts";

export type HttpFunction = {
  name: string;
  handler: Handler;
  timeoutSeconds: number;
  /** As in the template, e.g. `POST /v1/events`; the function itself says no to other methods on its paths. */
  routes: string[];
};
export type DoorOptions = {
  /** Tried in this order; 0 is any free one. */
  ports?: readonly number[];
  functions: HttpFunction[];
};
export type Door = { url: string; stop(): Promise<void> };

/** What Lambda takes as one request. */
const LARGEST_BODY_BYTES = 6 * 1024 * 1024;
const CLOSE_WITHIN_MILLISECONDS = 1_000;

/** One HTTP server on loopback in the place of API Gateway: it turns requests into events and calls the deployed handlers. */
export async function openDoor({ ports = [0], functions }: DoorOptions): Promise<Door> {
  const server = createServer((request, response) => {
    answer(request, response, functions).catch(() => response.destroy());
  });
  const port = await listenOnFirst(server, ports);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const late = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MILLISECONDS);
      await closed;
      clearTimeout(late);
    },
  };
}

export async function listenOnFirst(server: Server, [port = 0, ...others]: readonly number[]): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    if (others.length > 0) return await listenOnFirst(server, others);
    throw error;
  }
  const address = server.address();
  return typeof address === "object" && address ? address.port : port;
}

async function answer(request: IncomingMessage, response: ServerResponse, functions: HttpFunction[]): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
  const called = functions.find(({ routes }) => routes.some((route) => route.split(" ")[1] === pathname));
  if (!called) return say(response, 404, "Not Found");
  const body = await readBody(request);
  if (!body) return say(response, 413, "Request Entity Too Large");
  const timeout = new AbortController();
  try {
    const returned = await Promise.race([
      called.handler(functionUrlEvent(request, body), createContext(called.name, called.timeoutSeconds)),
      sleep(called.timeoutSeconds * 1000, "timed-out" as const, { signal: timeout.signal }),
    ]);
    if (returned === "timed-out") return say(response, 504, "Gateway Timeout");
    sendAnswer(response, Answer.parse(returned));
  } catch {
    say(response, 502, "Internal Server Error");
  } finally {
    timeout.abort();
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Format 2.0, which HTTP APIs and function URLs share. */
function functionUrlEvent(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const headers = headersOf(request);
  const isText = isUtf8(body);
  const domainName = headers["host"] ?? "";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    ...(url.search === "" ? {} : { queryStringParameters: Object.fromEntries(url.searchParams) }),
    requestContext: {
      accountId: "anonymous",
      apiId: "local",
      domainName,
      domainPrefix: domainName.split(".")[0] ?? "",
      http: {
        method: request.method ?? "GET",
        path: url.pathname,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? "",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: new Date().toUTCString(),
      timeEpoch: Date.now(),
    },
    ...(body.length === 0 ? {} : { body: isText ? body.toString() : body.toString("base64") }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** Lines of one header arrive joined by commas, as AWS joins them. */
function headersOf(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries(request.headersDistinct);
  return Object.fromEntries(entries.map(([name, values = []]) => [name, values.join(",")]));
}

const Answer = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  cookies: z.array(z.string()).default([]),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
});

function sendAnswer(
  response: ServerResponse,
  { statusCode, headers, cookies, body, isBase64Encoded }: z.infer<typeof Answer>,
) {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  response.writeHead(statusCode).end(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
}

/** What API Gateway says where no function answers. */
function say(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
}
