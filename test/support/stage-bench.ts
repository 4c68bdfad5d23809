import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { type Envelope, Failure } from "#shared/envelope.ts";
import { type LogLine, setLogWriter } from "#shared/log.ts";
import type { StageName } from "#shared/pipeline.ts";
import { type Connect, type Ensure, stage } from "#shared/stage.ts";
import { sqsRecord } from "../../infra/local/sqs-record.ts";
import type { FaultOf, QueueCall } from "./aws-rules.ts";
import { startQueues } from "./queues.ts";

type NoTools = Record<never, never>;
type Environment = Record<string, string | undefined>;

/** An ensure function that needs nothing from outside. */
export type BareEnsure = Ensure<NoTools>;
export type BareConnect = Connect<NoTools>;

export const done = { batchItemFailures: [] };
export const comesBack = (...batch: SQSRecord[]) => ({
  batchItemFailures: batch.map(({ messageId }) => ({ itemIdentifier: messageId })),
});
export const failing =
  (error: unknown): BareEnsure =>
  () =>
    Promise.reject(error);
export const minutesAgo = (minutes: number) => String(Date.now() - minutes * 60_000);

export type Run = {
  name?: StageName;
  connect?: BareConnect;
  ensure?: BareEnsure;
  /** On top of the queues'. */
  environment?: Environment;
  /** What Lambda says is left. */
  milliseconds?: number;
};

/** The stage engine between real queues, around ensure functions that a test makes up. */
export async function startStageBench() {
  const queues = await startQueues();
  const calls: QueueCall[] = [];
  const lines: LogLine[] = [];
  setLogWriter((line) => lines.push(line));
  const environment: Environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
  const setFault = (faultOf: FaultOf = () => undefined) =>
    queues.setFault((call) => {
      calls.push(call);
      return faultOf(call);
    });
  setFault();

  let sent = 0;
  /** A message really received from the account queue, then given this body and these attributes. */
  const receive = async (body: unknown, attributes: Partial<SQSRecord["attributes"]> = {}): Promise<SQSRecord> => {
    sent += 1;
    const deduplication = `bench:${sent}`;
    const { url, arn } = queues.queue("account");
    await queues.send("account", "placeholder", { group: deduplication, deduplication });
    for (;;) {
      const { Messages } = await queues.client.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ["All"],
          MessageAttributeNames: ["All"],
        }),
      );
      if (!Messages) throw new Error("the queue did not give the message");
      const message = Messages.find(({ Attributes }) => Attributes?.["MessageDeduplicationId"] === deduplication);
      if (!message) continue; // earlier ones that came back
      calls.length = 0;
      const record = sqsRecord(message, arn);
      return {
        ...record,
        body: typeof body === "string" ? body : JSON.stringify(body),
        attributes: { ...record.attributes, ...attributes },
      };
    }
  };

  const letters = () => queues.messagesIn("dead-letters").map(({ body }) => Failure.parse(JSON.parse(body)));
  return {
    queues,
    environment,
    receive,
    setFault,
    lines,
    /** What was said to SQS since the last `receive`, e.g. `SendMessage dead-letters`. */
    said: () => calls.map(({ action, queue }) => `${action} ${queue.replace(/^hubforge-test-|\.fifo$/g, "")}`),
    /** The visibilities that were asked for, in seconds. */
    visibilities: () =>
      calls
        .filter(({ action }) => action === "ChangeMessageVisibility")
        .map(({ body }): unknown => JSON.parse(body).VisibilityTimeout),
    letters,
    letterOf: ({ delivery }: Envelope) => letters().find(({ envelope }) => envelope?.delivery.id === delivery.id),
    handler: (run: Run = {}) => {
      const { name = "account", connect = async () => () => ({}), ensure = async () => ({ outcome: "created" }) } = run;
      const handle = stage(name, connect, ensure, { ...environment, ...run.environment });
      const context = { getRemainingTimeInMillis: () => run.milliseconds ?? 10_000 };
      return (...batch: SQSRecord[]) => handle({ Records: batch }, context);
    },
    /** Between two tests. */
    forget: () => {
      calls.length = 0;
      lines.length = 0;
      setFault();
    },
    stop: () => queues.stop(),
  };
}

export type StageBench = Awaited<ReturnType<typeof startStageBench>>;
