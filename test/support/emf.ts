import * as z from "zod";

/**
 * The JSON schema of the Embedded Metric Format, as AWS publishes it under "Embedded metric format example and JSON schema"
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html),
 * without its titles, ids and examples.
 */
const NAME: z.core.JSONSchema.JSONSchema = { type: "string", pattern: "^(.*)$", minLength: 1, maxLength: 255 };
const SIZES = ["Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits"];
const AMOUNTS = [...SIZES, "Terabits", "Count"];
const UNITS = ["Seconds", "Microseconds", "Milliseconds", ...AMOUNTS, "Percent", "None"];
const METRIC: z.core.JSONSchema.JSONSchema = {
  type: "object",
  required: ["Name"],
  properties: {
    Name: NAME,
    Unit: { type: "string", pattern: `^(${[...UNITS, ...AMOUNTS.map((unit) => `${unit}/Second`)].join("|")})$` },
    StorageResolution: { type: "integer", enum: [1, 60] },
  },
};
const DIRECTIVE: z.core.JSONSchema.JSONSchema = {
  type: "object",
  required: ["Namespace", "Dimensions", "Metrics"],
  properties: {
    Namespace: NAME,
    Dimensions: { type: "array", minItems: 1, items: { type: "array", minItems: 0, maxItems: 30, items: NAME } },
    Metrics: { type: "array", items: METRIC },
  },
};
const SCHEMA = z.fromJSONSchema({
  type: "object",
  required: ["_aws"],
  properties: {
    _aws: {
      type: "object",
      required: ["Timestamp", "CloudWatchMetrics"],
      properties: { Timestamp: { type: "integer" }, CloudWatchMetrics: { type: "array", items: DIRECTIVE } },
    },
  },
});

const Document = z.looseObject({
  _aws: z.object({
    Timestamp: z.number(),
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string(), Unit: z.string() })),
      }),
    ),
  }),
});

export type Counted = { namespace: string; name: string; dimensions: Record<string, string>; value: number };

/**
 * What CloudWatch would count of a log line. What the schema cannot say is checked here, from the same page: targets are
 * members of the root, a metric's a number, a dimension's a text.
 * @throws ZodError saying what CloudWatch would not take
 */
export function metricsIn(line: unknown): Counted[] {
  const { _aws, ...fields } = Document.parse(SCHEMA.parse(line));
  return _aws.CloudWatchMetrics.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((set) =>
      Metrics.map(({ Name: name }) => ({
        namespace,
        name,
        dimensions: Object.fromEntries(set.map((key) => [key, z.string().min(1).max(1024).parse(fields[key])])),
        value: z.number().parse(fields[name]),
      })),
    ),
  );
}
