import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import * as z from "zod";

/** One call on its way to the queue, e.g. `{ action: "SendMessage", queue: "hubforge-test-account.fifo", … }`. */
export type QueueCall = { action: string; queue: string; body: string };

/**
 * What goes wrong with a call: SQS answers 503 (`down`), the connection breaks before the call has an effect (`reset`), or
 * after it, so that nobody learns that it happened (`lost`), SQS takes every second message of a batch (`partly`), or
 * nobody ever answers (`silent`).
 */
type QueueFault = "down" | "reset" | "lost" | "partly" | "silent";
export type FaultOf = (call: QueueCall) => QueueFault | undefined;

const ENTRY = z.object({
  QueueUrl: z.string().optional(),
  MessageGroupId: z.string().optional(),
  MessageDeduplicationId: z.string().optional(),
  MessageAttributes: z.record(z.string(), z.unknown()).optional(),
});
const CALL = ENTRY.extend({ QueueName: z.string().optional(), Entries: z.array(ENTRY).optional() });

/** SendMessage in the SQS API reference: what AWS refuses and every emulator takes. */
const LEGAL_ID = /^[!-~]{1,128}$/;
const MOST_ATTRIBUTES = 10;

export type AwsRules = { endpoint: string; setFault(faultOf: FaultOf | undefined): void; stop(): Promise<void> };

/** Stands before an emulator on loopback, refuses what AWS would refuse, and breaks calls as a test wants it. */
export async function startAwsRules(target: string): Promise<AwsRules> {
  let faultOf: FaultOf | undefined;
  const server = createServer((incoming, outgoing) => {
    pass({ incoming, outgoing, target }, (call) => faultOf?.(call)).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    setFault: (next) => {
      faultOf = next;
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Exchange = { incoming: IncomingMessage; outgoing: ServerResponse; target: string };

async function pass(exchange: Exchange, faultOf: FaultOf): Promise<unknown> {
  const { incoming, outgoing } = exchange;
  const body = Buffer.concat(await incoming.toArray()).toString();
  const action = String(incoming.headers["x-amz-target"] ?? "").replace("AmazonSQS.", "");
  const call = CALL.parse(body === "" ? {} : JSON.parse(body));
  const fault = faultOf({ action, queue: call.QueueName ?? call.QueueUrl?.split("/").at(-1) ?? "", body });
  if (fault === "reset") return outgoing.destroy();
  if (fault === "silent") return undefined;
  if (fault === "down") return refuse(outgoing, 503, "ServiceUnavailable", "the queue is down");
  const problem = [call, ...(call.Entries ?? [])].map(whatAwsRefuses).find((found) => found !== undefined);
  if (problem) return refuse(outgoing, 400, "InvalidParameterValue", problem);
  if (fault === "partly") return takePartly(exchange, body);
  return forward(exchange, body, fault === "lost");
}

const BATCH = z.looseObject({ Entries: z.array(z.looseObject({ Id: z.string() })) });

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html */
async function takePartly({ incoming, outgoing, target }: Exchange, body: string) {
  const batch = BATCH.parse(JSON.parse(body));
  const taken = batch.Entries.filter((_, place) => place % 2 === 0);
  const answer = await fetch(target, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": String(incoming.headers["x-amz-target"]),
      authorization: String(incoming.headers.authorization),
    },
    body: JSON.stringify({ ...batch, Entries: taken }),
  });
  const said = z.looseObject({}).parse(await answer.json());
  const Failed = batch.Entries.filter((entry) => !taken.includes(entry)).map(({ Id }) => ({
    Id,
    Code: "InternalError",
    Message: "try again",
    SenderFault: false,
  }));
  outgoing.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" });
  return outgoing.end(JSON.stringify({ ...said, Failed }));
}

function whatAwsRefuses(entry: z.infer<typeof ENTRY>): string | undefined {
  for (const name of ["MessageGroupId", "MessageDeduplicationId"] as const) {
    const id = entry[name];
    if (id !== undefined && !LEGAL_ID.test(id)) return `${name} ${JSON.stringify(id)} is not ${LEGAL_ID}`;
  }
  const attributes = Object.keys(entry.MessageAttributes ?? {}).length;
  return attributes > MOST_ATTRIBUTES ? `${attributes} message attributes: 10 is the most` : undefined;
}

function refuse(outgoing: ServerResponse, status: number, code: string, message: string) {
  outgoing.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
  return outgoing.end(JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }));
}

function forward({ incoming, outgoing, target }: Exchange, body: string, isAnswerLost: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const { method = "POST", url = "/", headers } = incoming;
    const onward = request(new URL(url, target), { method, headers }, (answer) => {
      if (isAnswerLost) outgoing.destroy();
      else answer.pipe(outgoing.writeHead(answer.statusCode ?? 502, answer.headers));
      answer.once("end", resolve).resume();
    });
    outgoing.once("close", () => onward.destroy());
    onward.once("error", reject).end(body);
  });
}
