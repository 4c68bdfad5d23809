import { createServer } from "node:http";
import { listen } from "./ports.ts";

type StackEvent = { id: string; status: string; reason?: string; at?: string };
export type TestCloudFormation = {
  endpoint: string;
  /** Every action that was asked for, `DescribeStackEvents` with its page. */
  asked: string[];
  stop(): Promise<void>;
};
type Told = {
  /** Of hubforge-prod, or whatever is asked for; without it there is no such stack. */
  status?: string;
  /** Its events, a page at a time, newest first. */
  pages?: StackEvent[][];
  /** Every question is refused with this, as AWS's common errors are written. */
  refusal?: { status: number; code: string; message: string };
};

/** CloudFormation on loopback about one stack: DescribeStacks and DescribeStackEvents of its API reference, in AWS's query protocol. */
export async function startCloudFormation({ status, pages = [], refusal }: Told): Promise<TestCloudFormation> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const action = body.get("Action") ?? "";
    const name = body.get("StackName") ?? "";
    const page = Number(body.get("NextToken") ?? "0");
    asked.push(action === "DescribeStackEvents" ? `${action} ${page}` : action);
    const refused = refusal ?? (status === undefined ? noSuch(name) : undefined);
    if (refused) {
      response.writeHead(refused.status, { "content-type": "text/xml" }).end(errorText(refused));
      return;
    }
    response.setHeader("content-type", "text/xml");
    if (action === "DescribeStacks") {
      const stack = `<member><StackName>${name}</StackName><StackStatus>${status}</StackStatus></member>`;
      response.end(answer(action, `<Stacks>${stack}</Stacks>`));
      return;
    }
    const next = pages[page + 1] ? `<NextToken>${page + 1}</NextToken>` : "";
    const events = (pages[page] ?? []).map((event) => eventText(name, event)).join("");
    response.end(answer(action, `<StackEvents>${events}</StackEvents>${next}`));
  });
  return {
    endpoint: `http://127.0.0.1:${await listen(server)}`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const noSuch = (name: string) => ({
  status: 400,
  code: "ValidationError",
  message: `Stack with id ${name} does not exist`,
});

const NAMESPACE = `xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"`;

const answer = (action: string, result: string) =>
  `<${action}Response ${NAMESPACE}><${action}Result>${result}</${action}Result></${action}Response>`;

const errorText = ({ code, message }: { code: string; message: string }) =>
  `<ErrorResponse ${NAMESPACE}><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;

function eventText(stack: string, { id, status, reason = "", at = "2026-11-25T10:00:00Z" }: StackEvent): string {
  return `<member><StackName>${stack}</StackName><LogicalResourceId>${id}</LogicalResourceId><Timestamp>${at}</Timestamp><ResourceStatus>${status}</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason></member>`;
}
