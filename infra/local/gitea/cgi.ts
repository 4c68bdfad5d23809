import { spawn } from "node:child_process";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { gitEnvironment } from "./git.ts";

/** Git's own HTTP server for one request: the body streams in, the answer streams out. `ended` is when it has exited. */
export function runHttpBackend(
  environment: Record<string, string>,
  incoming: IncomingMessage,
): { response: Promise<Response>; ended: Promise<void> } {
  const child = spawn("git", ["http-backend"], {
    env: { ...gitEnvironment(), ...environment },
    stdio: ["pipe", "pipe", "ignore"],
  });
  // It may end before it has read everything; its answer says why.
  child.stdin.on("error", () => undefined);
  feed(incoming, child.stdin);
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return { response: cgiResponse(child.stdout), ended };
}

function feed(incoming: IncomingMessage, into: NodeJS.WritableStream): void {
  if (incoming.method === "POST") incoming.pipe(into);
  else into.end();
}

/** Reads the CGI headers, then streams the rest through. */
function cgiResponse(stdout: Readable): Promise<Response> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const onEnd = () => reject(new Error("git http-backend ended without an answer"));
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      stdout.off("data", onData);
      stdout.off("end", onEnd);
      stdout.pause();
      if (head.length > end + 4) stdout.unshift(head.subarray(end + 4));
      const headers = new Headers();
      let status = 200;
      for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
        const colon = line.indexOf(":");
        const value = line.slice(colon + 1).trim();
        if (line.slice(0, colon).toLowerCase() === "status") status = Number(value.slice(0, 3));
        else headers.append(line.slice(0, colon), value);
      }
      resolve(new Response(webStream(stdout), { status, headers }));
    };
    stdout.on("data", onData);
    stdout.on("end", onEnd);
    stdout.on("error", reject);
  });
}

function webStream(stdout: Readable): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stdout.on("data", (chunk: Buffer) => {
        controller.enqueue(new Uint8Array(chunk));
        if ((controller.desiredSize ?? 1) <= 0) stdout.pause();
      });
      stdout.on("end", () => controller.close());
      stdout.on("error", (error) => controller.error(error));
    },
    pull() {
      stdout.resume();
    },
    cancel() {
      stdout.destroy();
    },
  });
}
