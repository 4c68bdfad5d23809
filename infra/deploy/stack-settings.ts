import * as z from "zod";
import { flag, words } from "#shared/config/kinds.ts";

/** What CloudWatch Logs takes (PutRetentionPolicy). */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** How a stage is deployed, beside what its functions are told (shared/config.ts); both live in the stage's one file. */
export const StackSettings = z
  .object({
    /** `api`: one HTTP API in front of both. `function-urls`: one URL each, which costs nothing and is all that LocalStack's open core has. */
    STACK_HTTP: z.enum(["api", "function-urls"]).default("api"),
    /** Where Gitea and LDAP are private; both or none. */
    STACK_SUBNET_IDS: words.pipe(z.array(z.string().regex(/^subnet-[0-9a-f]+$/, "must be subnet-… ids"))),
    STACK_SECURITY_GROUP_IDS: words.pipe(z.array(z.string().regex(/^sg-[0-9a-f]+$/, "must be sg-… ids"))),
    /** Encrypts the queues instead of SQS's own key, and is the one that secrets may be encrypted with. */
    STACK_KMS_KEY_ARN: z
      .string()
      .regex(/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/, "must be a key's ARN, arn:aws:kms:…:key/…")
      .optional(),
    /** Requests that ingress and workspaces answer at once, each: more are refused, and the hub repeats them. `none` reserves nothing. */
    STACK_INGRESS_CONCURRENCY: z
      .string()
      .regex(/^(none|[1-9]\d{0,3})$/, "must be a number from 1 to 9999, or none")
      .default("20")
      .transform((text) => (text === "none" ? undefined : Number(text))),
    STACK_LOG_RETENTION_DAYS: z
      .string()
      .default("30")
      .transform(Number)
      .refine((days) => RETENTION_DAYS.includes(days), { message: `must be one of ${RETENTION_DAYS.join(", ")}` }),
    STACK_XRAY: flag(false),
    /** False: the directory sync never runs by itself, only when somebody says `hubforge sync`. */
    STACK_SYNC: flag(true),
    /** Whom the alarms tell, and when they are over; without it they are only seen. */
    ALERT_TOPIC: z
      .string()
      .regex(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+$/, "must be a topic's ARN, arn:aws:sns:…, and no FIFO one's")
      .optional(),
  })
  .refine((set) => set.STACK_SUBNET_IDS.length > 0 === set.STACK_SECURITY_GROUP_IDS.length > 0, {
    path: ["STACK_SUBNET_IDS"],
    message: "goes with STACK_SECURITY_GROUP_IDS: a function in a VPC needs both",
  });
export type StackSettings = z.infer<typeof StackSettings>;
