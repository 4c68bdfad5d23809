import * as z from "zod";
import type { Template } from "./packaged.ts";

/** `!GetAtt <name>.Arn`, parsed to the name. */
export const Arn = z
  .object({ "Fn::GetAtt": z.tuple([z.string(), z.literal("Arn")]) })
  .transform((it) => it["Fn::GetAtt"][0]);
const LambdaFunction = z.object({
  Handler: z.string(),
  Runtime: z.string(),
  Architectures: z.array(z.string()),
  FunctionName: z.string(),
  Timeout: z.coerce.number(),
  Role: Arn,
  ReservedConcurrentExecutions: z.coerce.number().optional(),
  Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }).default({ Variables: {} }),
});
const SqsQueue = z.object({
  QueueName: z.string(),
  FifoQueue: z.boolean().default(false),
  DeduplicationScope: z.string().optional(),
  FifoThroughputLimit: z.string().optional(),
  ContentBasedDeduplication: z.boolean().optional(),
  VisibilityTimeout: z.coerce.number(),
  MessageRetentionPeriod: z.coerce.number(),
  DelaySeconds: z.coerce.number().default(0),
  RedrivePolicy: z.object({ deadLetterTargetArn: Arn, maxReceiveCount: z.coerce.number() }).optional(),
});
const Mapping = z.object({
  BatchSize: z.number(),
  EventSourceArn: Arn,
  FunctionName: Arn,
  FunctionResponseTypes: z.array(z.string()),
  ScalingConfig: z.object({ MaximumConcurrency: z.number() }),
  FilterCriteria: z.undefined().optional(),
});
const oneOrMany = <Value extends z.ZodType>(value: Value) => z.union([value.transform((it) => [it]), z.array(value)]);
const Statement = z.object({
  Effect: z.literal("Allow"),
  Action: oneOrMany(z.string()),
  Resource: oneOrMany(z.union([Arn, z.object({ "Fn::Sub": z.string() }).transform((it) => it["Fn::Sub"]), z.string()])),
});
const Role = z.object({
  Policies: z.array(z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) })).default([]),
  ManagedPolicyArns: z.array(z.object({ "Fn::Sub": z.string() })).default([]),
});
const AttachedPolicy = z.object({
  PolicyDocument: z.object({ Statement: z.array(Statement) }),
  Roles: z.array(z.object({ Ref: z.string() })),
});

/** The resources of one type, parsed, by their names in the template. */
export function all<Shape>(template: Template, type: string, shape: z.ZodType<Shape>): Map<string, Shape> {
  const found = Object.entries(template.Resources).filter(([, { Type }]) => Type === type);
  return new Map(found.map(([name, { Properties }]) => [name, shape.parse(Properties)]));
}

/** The template as its reader thinks of it: each function with what wakes it, what it may do and what it knows. */
export function modelOf(template: Template) {
  const queues = all(template, "AWS::SQS::Queue", SqsQueue);
  const mappings = [...all(template, "AWS::Lambda::EventSourceMapping", Mapping).values()];
  const roles = all(template, "AWS::IAM::Role", Role);
  const attached = [...all(template, "AWS::IAM::Policy", AttachedPolicy).values()];
  const functions = new Map(
    [...all(template, "AWS::Lambda::Function", LambdaFunction)].map(([logicalId, lambda]) => {
      const name = lambda.FunctionName.replace("hubforge-dev-", "");
      const role = present(roles.get(lambda.Role));
      const outside = attached.filter(({ Roles }) => Roles.some(({ Ref }) => Ref === lambda.Role));
      const statements = [...role.Policies, ...outside].flatMap((policy) => policy.PolicyDocument.Statement);
      const allowed = (action: string) =>
        statements.filter(({ Action }) => Action.includes(action)).flatMap((it) => it.Resource);
      const wokenBy = mappings.filter(({ FunctionName }) => FunctionName === logicalId);
      const managed = role.ManagedPolicyArns.map((arn) => arn["Fn::Sub"]);
      return [name, { ...lambda, variables: lambda.Environment.Variables, statements, managed, allowed, wokenBy }];
    }),
  );
  return { queues, mappings, functions };
}

/** @throws when the template lacks it */
export function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("missing in the template");
  return value;
}
