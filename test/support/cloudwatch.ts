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
 * FilterLogEvents of CloudWatch Logs on loopback, over `groups`: log group → messages. It knows the kinds of pattern that
 * we send, answers in pages, and ResourceNotFoundException for a group that is not there.
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

const CONDITION = /\$\.(\w+) = (?:("(?:[^"\\]|\\.)*")|%([^%]*)%)/g;

/** `{ $.field = "value" }`, `{ (…) || (…) }` and `{ $.field = %expression% }`: "Filter pattern syntax", with all its traps. */
function isMatch(message: string, pattern: string): boolean {
  if (!/^\{ .* \}$/s.test(pattern) || !message.startsWith("{")) return false;
  const line = z.record(z.string(), z.unknown()).parse(JSON.parse(message));
  return [...pattern.matchAll(CONDITION)].some(([, field = "", quoted, expression = ""]) => {
    const wanted = quoted === undefined ? expressionOf(expression) : wildcards(z.string().parse(JSON.parse(quoted)));
    return wanted.test(String(line[field]));
  });
}

/** `*` stands for anything; case counts. */
function wildcards(value: string): RegExp {
  return new RegExp(`^${value.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&").replaceAll("*", ".*")}$`, "s");
}

/** Only ASCII letters, digits, some symbols and operators; no parentheses. */
function expressionOf(text: string): RegExp {
  if (!/^[\w:#=@/;,^$?[\]{}|\\*+.-]*$/.test(text)) throw new Error(`AWS refuses the expression ${text}`);
  return new RegExp(text);
}
