import { createServer } from "node:http";
import * as z from "zod";

const Question = z.object({
  logGroupName: z.string(),
  filterPattern: z.string(),
  startTime: z.int(),
  endTime: z.int(),
  nextToken: z.string().optional(),
});

export type TestCloudWatch = {
  endpoint: string;
  /** The log groups that were asked, in order. */
  asked: string[];
  /** The code that every answer is from now on, e.g. `AccessDeniedException`. */
  refuse(code: string): void;
  stop(): Promise<void>;
};

const PAGE = 2;

/**
 * FilterLogEvents of CloudWatch Logs on loopback, over `groups`: log group → messages. It knows the one kind of pattern that
 * we send, `{ $.field = "value" }`, answers in pages, and ResourceNotFoundException for a group that is not there.
 */
export async function startCloudWatch(groups: Record<string, string[]>): Promise<TestCloudWatch> {
  const asked: string[] = [];
  let refusal: string | undefined;
  const server = createServer(async (request, response) => {
    const say = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    };
    const question = Question.parse(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    asked.push(question.logGroupName);
    const messages = groups[question.logGroupName];
    if (refusal) return say(400, { __type: refusal, message: "you may not" });
    if (!messages) return say(400, { __type: "ResourceNotFoundException", message: "no such group" });
    const matching = messages.filter((message) => isMatch(message, question.filterPattern));
    const start = Number(question.nextToken ?? 0);
    const events = matching.slice(start, start + PAGE).map((message) => ({ message: `${message}\n`, timestamp: 0 }));
    return say(200, { events, ...(start + PAGE < matching.length && { nextToken: String(start + PAGE) }) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    asked,
    refuse: (code) => {
      refusal = code;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isMatch(message: string, pattern: string): boolean {
  const [, field, quoted] = /^\{ \$\.(\w+) = ("(?:[^"\\]|\\.)*") \}$/.exec(pattern) ?? [];
  if (field === undefined || quoted === undefined || !message.startsWith("{")) return false;
  const line = z.record(z.string(), z.unknown()).parse(JSON.parse(message));
  return line[field] === JSON.parse(quoted);
}
