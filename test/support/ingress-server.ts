import { request } from "node:http";
import { text } from "node:stream/consumers";
import { serve } from "@hono/node-server";
import * as z from "zod";
import type { Envelope } from "#shared/envelope.ts";
import type { LogEvent, LogFields } from "#shared/log.ts";
import { createIngress, type IngressTools } from "../../functions/ingress/accept-event.ts";
import { NOW, SECRETS, signedHeaders } from "./signed-event.ts";

const AnswerBody = z.looseObject({ issues: z.array(z.looseObject({ path: z.array(z.string()) })).optional() });

/** The ingress on a port of its own, in front of a queue that is an array; `tools` replaces parts of its outside. */
export async function startIngress(tools: Partial<IngressTools> = {}) {
  const queued: { stage: string; envelope: Envelope }[] = [];
  const logged: ({ event: LogEvent } & LogFields)[] = [];
  const app = createIngress({
    webhookSecrets: async () => SECRETS,
    send: async (stage, envelope) => void queued.push({ stage, envelope }),
    now: () => NOW,
    log: (event, fields) => void logged.push({ event, ...fields }),
    ...tools,
  });
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port));
  const url = `http://127.0.0.1:${await listening}`;
  return {
    url,
    queued,
    logged,
    post: (body: string | Uint8Array<ArrayBuffer>, headers = signedHeaders(body)) => post(url, body, headers),
    postChunks: (chunks: Iterable<string>, headers: Record<string, string | string[]>) =>
      postChunks(url, chunks, headers),
    [Symbol.dispose]: () => void server.close(),
  };
}

async function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) {
  const response = await fetch(`${url}/v1/events`, { method: "POST", body, headers });
  const content = AnswerBody.parse(await response.json());
  return { status: response.status, headers: response.headers, body: content };
}

/** Without a Content-Length, until the answer comes; a header may have several lines. */
async function postChunks(url: string, chunks: Iterable<string>, headers: Record<string, string | string[]>) {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let isAnswered = false;
  const posting = request(`${url}/v1/events`, { method: "POST", headers }, (response) => {
    isAnswered = true;
    resolve(text(response).then(() => response.statusCode ?? 0));
  });
  posting.on("error", reject);
  for (const chunk of chunks) {
    const { promise: written, resolve: goOn } = Promise.withResolvers<void>();
    posting.write(chunk, () => goOn());
    await Promise.race([written, promise]);
    if (isAnswered) break;
  }
  posting.end();
  return await promise;
}
