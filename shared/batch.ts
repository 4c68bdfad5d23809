import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

/** A message as a function has received it, in our own words. */
export type Received = {
  messageId: string;
  receiptHandle: string;
  body: string;
  /** How often it was received, this time included. */
  receiveCount: number;
  firstReceivedAt: Date;
  sentAt: Date;
  /** The stage it was sent to, by our own attribute: not every queue says where a redriven message came from. */
  stage: string | undefined;
};

export type LambdaContext = { getRemainingTimeInMillis(): number };
export type BatchHandler = (event: SQSEvent, context: LambdaContext) => Promise<SQSBatchResponse>;

/**
 * The SQS handler that gives every message to `handle`, which says whether it is done with. The answer has exactly the shape
 * that Lambda reads under ReportBatchItemFailures: any other fails the whole batch for a full visibility time-out.
 */
export function batchHandler(handle: (message: Received, context: LambdaContext) => Promise<boolean>): BatchHandler {
  return async (event, context) => {
    const batchItemFailures: { itemIdentifier: string }[] = [];
    for (const record of event.Records) {
      // After one failure the rest of a batch keeps its order by failing too; batchSize is 1, so there is no rest.
      const isDone = batchItemFailures.length === 0 && (await handle(received(record), context));
      if (!isDone) batchItemFailures.push({ itemIdentifier: record.messageId });
    }
    return { batchItemFailures };
  };
}

/** A count or time that a queue does not tell must not cost the message: then it is the first receive, just now. */
function received({ messageId, receiptHandle, body, attributes, messageAttributes }: SQSRecord): Received {
  const timeOf = (milliseconds: string) => new Date(Number(milliseconds) || Date.now());
  return {
    messageId,
    receiptHandle,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount) || 1,
    firstReceivedAt: timeOf(attributes.ApproximateFirstReceiveTimestamp),
    sentAt: timeOf(attributes.SentTimestamp),
    stage: messageAttributes["stage"]?.stringValue,
  };
}
