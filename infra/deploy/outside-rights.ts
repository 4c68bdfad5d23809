import { type Reference, referenceIn } from "#shared/secrets.ts";
import { logGroup } from "../stage-names.ts";
import type { ServiceFunctions } from "./functions.ts";
import { bareName } from "./reference-name.ts";
import type { Stage } from "./stage-file.ts";

type Statement = { Effect: "Allow"; Action: string | string[]; Resource: unknown };

/** Rights beyond the queues that each role gets: its function's own log, and by the stage's file its references, the key, the VPC. */
export function outsideRights({ settings, stack }: Stage, functions: ServiceFunctions) {
  const managed = [
    ...(stack.STACK_SUBNET_IDS.length > 0 ? ["service-role/AWSLambdaVPCAccessExecutionRole"] : []),
    ...(stack.STACK_XRAY ? ["AWSXRayDaemonWriteAccess"] : []),
  ].map((name) => ({ "Fn::Sub": `arn:\${AWS::Partition}:iam::aws:policy/${name}` }));
  return Object.fromEntries(
    Object.entries(functions).flatMap(([name, { role, environment }]) => {
      const statements = [
        writeLog(name),
        ...readOwn(Object.keys(environment), settings),
        ...useKey(stack.STACK_KMS_KEY_ARN),
      ];
      return [
        ...(managed.length > 0 ? [[role, { Properties: { ManagedPolicyArns: managed } }]] : []),
        [role.replace(/Role$/, "Outside"), policy(role, statements)],
      ];
    }),
  );
}

function policy(role: string, statements: Statement[]) {
  const PolicyDocument = { Version: "2012-10-17", Statement: statements };
  return { Type: "AWS::IAM::Policy", Properties: { PolicyName: "outside", Roles: [{ Ref: role }], PolicyDocument } };
}

/** By its whole name: `hubforge-prod-*` would be the logs of a stage `prod-eu` as well. */
function writeLog(lambda: string): Statement {
  const group = logGroup(`\${sls:stage}`, lambda);
  const Resource = { "Fn::Sub": `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:${group}:*` };
  return { Effect: "Allow", Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource };
}

function readOwn(variables: string[], settings: Readonly<Record<string, string>>): Statement[] {
  const references = variables.flatMap((variable) => referenceIn(settings[variable] ?? "") ?? []);
  const arnsIn = (store: Reference["store"]) => [
    ...new Set(references.filter((reference) => reference.store === store).map(arnOf)),
  ];
  const allow = (Action: string, arns: string[]): Statement[] =>
    arns.length > 0 ? [{ Effect: "Allow", Action, Resource: arns.map((arn) => ({ "Fn::Sub": arn })) }] : [];
  return [
    ...allow("ssm:GetParameter", arnsIn("ssm")),
    ...allow("secretsmanager:GetSecretValue", arnsIn("secretsmanager")),
  ];
}

/** AWS ends a secret's ARN with six characters of its own. */
function arnOf(reference: Reference): string {
  const bare = bareName(reference);
  if (bare.startsWith("arn:")) return bare;
  const own = `\${AWS::Region}:\${AWS::AccountId}`;
  if (reference.store === "secretsmanager") return `arn:\${AWS::Partition}:secretsmanager:${own}:secret:${bare}-??????`;
  return `arn:\${AWS::Partition}:ssm:${own}:parameter/${bare.replace(/^\//, "")}`;
}

/** SQS asks for both for whoever sends to or receives from a queue with a key of one's own; Parameter Store for the second. */
function useKey(key: string | undefined): Statement[] {
  return key ? [{ Effect: "Allow", Action: ["kms:GenerateDataKey", "kms:Decrypt"], Resource: key }] : [];
}
