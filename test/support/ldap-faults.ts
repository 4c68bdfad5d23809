import { createServer, type Server, type Socket } from "node:net";
import { BerReader, BerWriter } from "ldapts";

/** What the fault server does next on a connection: send bytes, or be silent, or hang up. */
type Step = Buffer | "close" | "silence";

type LdapRequest = { operation: "bind" | "search" | "unbind" | "extended" | "other"; id: number };

/** Decides what follows on a request; `count` tells how often this server has seen the operation, 1 at first. */
export type Script = (request: LdapRequest, count: number) => Step[];

export type FaultServer = {
  url: string;
  seen: string[];
  /** The first bytes of each TLS handshake that a client began. */
  handshakes: Buffer[];
  stop: () => Promise<void>;
};

/** The LDAP_* variables for servers that check no password. */
export const environmentFor = (urls: string[], password = "reader-password") => ({
  LDAP_URLS: urls.join(" "),
  LDAP_BASE: "dc=uni,dc=example",
  LDAP_BIND_DN: "cn=reader,dc=uni,dc=example",
  LDAP_BIND_PASSWORD: password,
});

const SEQUENCE = 0x30;
const TLS_HANDSHAKE = 0x16;

const OPERATIONS = new Map<number, LdapRequest["operation"]>([
  [0x60, "bind"],
  [0x63, "search"],
  [0x42, "unbind"],
  [0x77, "extended"],
]);

/** An LDAP server that misbehaves exactly as told. */
export async function startFaultServer(script: Script): Promise<FaultServer> {
  const seen: string[] = [];
  const handshakes: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.on("data", (chunk) => {
      if (chunk[0] === TLS_HANDSHAKE) handshakes.push(chunk);
      for (const request of requestsIn(chunk)) {
        seen.push(request.operation);
        const count = seen.filter((operation) => operation === request.operation).length;
        if (request.operation !== "unbind") follow(socket, script(request, count));
      }
    });
  });
  const port = await listening(server);
  return {
    url: `ldap://127.0.0.1:${port}`,
    seen,
    handshakes,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function follow(socket: Socket, steps: Step[]): void {
  for (const step of steps) {
    if (step === "silence") return;
    if (step === "close") socket.end();
    else socket.write(step);
  }
}

/** Requests of a single look-up are small and come whole; what is no LDAP (a TLS handshake) is no request. */
function requestsIn(chunk: Buffer): LdapRequest[] {
  const requests: LdapRequest[] = [];
  let rest = chunk;
  while (rest[0] === SEQUENCE) {
    const reader = new BerReader(rest);
    reader.readSequence();
    const end = reader.offset + reader.length;
    const id = reader.readInt() ?? 0;
    requests.push({ operation: OPERATIONS.get(reader.peek() ?? 0) ?? "other", id });
    rest = rest.subarray(end);
  }
  return requests;
}

function message(id: number, tag: number, body: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(tag);
  body(writer);
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}

function result(id: number, tag: number, code: number, text: string): Buffer {
  return message(id, tag, (writer) => {
    writer.writeEnumeration(code);
    writer.writeString("");
    writer.writeString(text);
  });
}

export const bound = (id: number, code = 0, text = "") => result(id, 0x61, code, text);
export const searchDone = (id: number, code = 0, text = "") => result(id, 0x65, code, text);
/** The end of a page; an empty cookie ends the list (RFC 2696). */
export function pageDone(id: number, cookie = ""): Buffer {
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(0);
  value.writeString(cookie);
  value.endSequence();
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(0x65);
  writer.writeEnumeration(0);
  writer.writeString("");
  writer.writeString("");
  writer.endSequence();
  writer.startSequence(0xa0);
  writer.startSequence();
  writer.writeString("1.2.840.113556.1.4.319");
  writer.writeBuffer(value.buffer, 0x04);
  writer.endSequence();
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}

/** StartTLS may begin. */
export const granted = (id: number) => result(id, 0x78, 0, "");
export const reference = (id: number, uri: string) => message(id, 0x73, (writer) => writer.writeString(uri));
/** The first half of an entry. */
export const halfOf = (pdu: Buffer) => pdu.subarray(0, Math.floor(pdu.length / 2));

/** The PDU of one found entry. */
export function entry(id: number, dn: string, attributes: Record<string, (string | Buffer)[]>): Buffer {
  return message(id, 0x64, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeBuffer(Buffer.from(value), 0x04);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address) resolve(address.port);
      else reject(new Error("no port"));
    });
  });
}
