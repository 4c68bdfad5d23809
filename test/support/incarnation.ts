import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer, connect as openSocket, type Socket } from "node:net";
import { listen } from "./ports.ts";
import { createHandlers, type World } from "./world.ts";

/**
 * What happens at one call to the outside: the function crashes before the call has left, or when the other side has done
 * its work; or it lives on and the answer is lost, or never comes.
 */
export const FAULTS = ["crash before", "crash after", "answer lost", "time-out"] as const;
type Fault = (typeof FAULTS)[number];

/** By number of the call, 1 at first. */
export type Faults = ReadonlyMap<number, Fault>;

/** One life of a function: cold-started handlers whose every word to LDAP, Gitea and SQS passes through here. */
export type Incarnation = {
  handlers: ReturnType<typeof createHandlers>;
  /** The calls so far, e.g. `gitea POST /api/v1/admin/users`. */
  calls: string[];
  /** Numbers of the calls at which a fault has struck. */
  struck: Set<number>;
  /** Settles when the function crashes. */
  death: Promise<void>;
  end(): Promise<void>;
};

type Upstreams = { gitea: string; ldap: string; sqs: string };

export async function incarnate(environment: World["environment"], faults: Faults): Promise<Incarnation> {
  const { GITEA_URL: gitea = "", LDAP_URLS: ldap = "", AWS_ENDPOINT_URL: sqs = "" } = environment;
  const life = createLife(faults);
  const places = await openDoors(life, { gitea, ldap, sqs });
  const { calls, struck, death } = life;
  const changed = { GITEA_URL: places.gitea, LDAP_URLS: places.ldap, AWS_ENDPOINT_URL: places.sqs };
  return {
    handlers: createHandlers({ ...environment, ...changed }),
    calls,
    struck,
    death,
    end: async () => {
      life.die();
      await places.close();
    },
  };
}

function createLife(faults: Faults) {
  const { promise: death, resolve } = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const calls: string[] = [];
  const struck = new Set<number>();
  let isDead = false;
  return {
    calls,
    struck,
    death,
    /** Counts a call and tells what is to happen at it. */
    call: (what: string): Fault | undefined => {
      if (isDead) return "crash before";
      const number = calls.push(what);
      const fault = faults.get(number);
      if (fault) struck.add(number);
      return fault;
    },
    own: (socket: Socket) => {
      if (isDead) return void socket.destroy();
      sockets.add(socket.on("error", () => undefined).once("close", () => sockets.delete(socket)));
    },
    /** Nothing of the function is left in the world but what the other sides have already done. */
    die: () => {
      isDead = true;
      for (const socket of sockets) socket.destroy();
      resolve();
    },
  };
}
type Life = ReturnType<typeof createLife>;

async function openDoors(life: Life, upstreams: Upstreams) {
  const http = (name: "gitea" | "sqs") =>
    createHttpServer((incoming, outgoing) => {
      exchange({ incoming, outgoing, name, upstream: upstreams[name] }, life).catch(() => outgoing.destroy());
    }).on("connection", life.own);
  const gitea = http("gitea");
  const sqs = http("sqs");
  const ldap = createServer((client) => relay(client, new URL(upstreams.ldap), life));
  const servers = [gitea, sqs, ldap];
  return {
    gitea: `http://127.0.0.1:${await listen(gitea)}`,
    sqs: `http://127.0.0.1:${await listen(sqs)}`,
    ldap: `ldap://127.0.0.1:${await listen(ldap)}`,
    close: async () => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

type Exchange = { incoming: IncomingMessage; outgoing: ServerResponse; name: string; upstream: string };

async function exchange({ incoming, outgoing, name, upstream }: Exchange, life: Life): Promise<void> {
  const { method = "GET", url = "/", headers } = incoming;
  const body = Buffer.concat(await incoming.toArray());
  const action = String(headers["x-amz-target"] ?? url).replace("AmazonSQS.", "");
  const fault = life.call(`${name} ${method} ${action}`);
  if (fault === "crash before") return life.die();
  const answer = await forward(new URL(url, upstream), { method, headers }, body);
  if (fault === "crash after") return life.die();
  if (fault === "answer lost") outgoing.destroy();
  if (fault === undefined) outgoing.writeHead(answer.status, answer.headers).end(answer.body);
}

type Answer = { status: number; headers: IncomingMessage["headers"]; body: Buffer };

function forward(url: URL, options: { method: string; headers: IncomingMessage["headers"] }, body: Buffer) {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { method, headers: given } = options;
  const onward = request(url, { method, headers: { ...given, connection: "close" }, agent: false }, (answer) => {
    const { statusCode: status = 502 } = answer;
    const { connection: _hopByHop, ...headers } = answer.headers;
    answer.toArray().then((chunks) => resolve({ status, headers, body: Buffer.concat(chunks) }), reject);
  });
  onward.once("error", reject).end(body);
  return promise;
}

/** Each chunk that a single look-up sends is one LDAP request: ldapts waits for every answer, and requests are small. */
function relay(client: Socket, upstream: URL, life: Life): void {
  life.own(client);
  const server = openSocket(Number(upstream.port), upstream.hostname);
  server.on("error", () => client.destroy()).once("close", () => client.end());
  client.once("close", () => server.end());
  let fault: Fault | undefined;
  client.on("data", (chunk) => {
    fault = life.call(`ldap ${OPERATIONS.get(chunk[operationAt(chunk)] ?? 0) ?? "request"}`);
    if (fault === "crash before") return life.die();
    server.write(chunk);
    if (isGoodbye(chunk) && fault === "crash after") life.die();
  });
  server.on("data", (chunk) => {
    if (fault === "crash after") return life.die();
    if (fault === "answer lost") return client.destroy();
    if (fault === undefined) client.write(chunk);
  });
}

const OPERATIONS = new Map([
  [0x60, "bind"],
  [0x63, "search"],
  [0x42, "unbind"],
]);

/** Where a request names its operation: after the sequence and the message id (RFC 4511 §4.2). */
function operationAt(chunk: Buffer): number {
  const length = chunk[1] ?? 0;
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f);
  return start + 2 + (chunk[start + 1] ?? 0);
}

/** Nobody answers an unbind. */
const isGoodbye = (chunk: Buffer) => OPERATIONS.get(chunk[operationAt(chunk)] ?? 0) === "unbind";
