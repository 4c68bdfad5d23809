import type { LogEvent, LogFields } from "#shared/log.ts";

/** A line of every kind that counts, and what CloudWatch makes of it: the metric and the values of its dimensions. */
export const COUNTED_LINES: [LogEvent, LogFields, string[]][] = [
  ["delivery.accepted", { person: "ada" }, ["Accepted ingress accepted"]],
  ["delivery.refused", { code: "signature.wrong" }, ["Refused ingress signature.wrong"]],
  ["delivery.not-queued", { code: "queue.unreachable" }, ["NotQueued ingress queue.unreachable"]],
  ["account.created", { stage: "account", outcome: "created" }, ["Done account created"]],
  ["stage.retried", { stage: "team", code: "gitea.failing" }, ["Retried team gitea.failing"]],
  [
    "stage.retried",
    { stage: "team", code: "gitea.unauthorized" },
    ["Retried team gitea.unauthorized", "Unauthorized gitea.unauthorized"],
  ],
  [
    "stage.dead-lettered",
    { stage: "team", code: "team.taken", outcome: "permanent" },
    ["DeadLettered team team.taken"],
  ],
  ["stage.not-dead-lettered", { stage: "team", code: "team.taken" }, ["NotDeadLettered team team.taken"]],
  ["stage.left-to-sync", { stage: "team", code: "team.taken" }, ["LeftToSync"]],
  ["credentials.refused", { code: "ldap.unauthorized" }, ["Unauthorized ldap.unauthorized"]],
  ["sync.finished", { counts: {} }, ["SyncFinished"]],
  ["sync.incomplete", { code: "ldap.unreachable" }, ["SyncIncomplete ldap.unreachable"]],
  [
    "sync.incomplete",
    { code: "ldap.unauthorized" },
    ["SyncIncomplete ldap.unauthorized", "Unauthorized ldap.unauthorized"],
  ],
  ["sync.held-back", { hash: "abc" }, ["HeldBack"]],
];
