import * as z from "zod";

/** A name as SQS and people can carry it: no control character, no lone surrogate, nothing outside XML 1.0. */
const carriableName = z.string().refine((name) => name.isWellFormed() && !/[\p{Cc}\uFFFE\uFFFF]/u.test(name), {
  message: "holds a control character, a lone surrogate or a character that XML 1.0 does not allow",
});

/** Where the deliveries of our own directory sync come from. */
export const SYNC_HUB = "sync";

/** Hub names travel in queue ids and token names. */
export const HubName = z
  .string()
  .regex(/^[a-z0-9-]{1,40}$/)
  .refine((hub) => hub !== SYNC_HUB, { message: '"sync" is reserved for the directory sync' });

/** Whose server a hub speaks of, and which life of it. */
export const eventData = {
  hub: z.string().min(1).max(100),
  user: carriableName.min(1).max(255),
  server: carriableName.max(255),
  session: z.string().regex(/^[!-~]{1,128}$/),
};

const EARLIEST = Date.UTC(2000);
const LATEST = Date.UTC(2100);

/** A commit's dates are made of it, and Git, Gitea and JavaScript each bend or refuse others of what lies far outside. */
const happenedAt = z.iso
  .datetime({ offset: true, abort: true })
  .max(40)
  .refine((text) => Date.parse(text) >= EARLIEST && Date.parse(text) < LATEST, "must lie between 2000 and 2099");

/** What a hub posts to `/v1/events` (README.md §5). Fields that are not named here are ignored. */
export const HubEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("server.spawning"),
    timestamp: happenedAt,
    data: z.object(eventData),
  }),
  z.object({
    type: z.literal("server.stopped"),
    timestamp: happenedAt,
    data: z.object({
      ...eventData,
      reason: z.enum(["stopped", "failed", "unknown"]).default("unknown"),
      /** The Gitea username that a credentials answer named; without it the session never had a token. */
      account: carriableName.min(1).max(255).regex(/[^.]/, "must not be dots only").optional(),
    }),
  }),
]);
export type HubEvent = z.infer<typeof HubEvent>;

/** A signed webhook as received (or the directory sync's own, under the hub name `sync`): who, what, when. */
const Delivery = z.object({
  /** The `webhook-id`; for the sync `<directory id>:<hash of the change>`. */
  id: z.string().min(1),
  hub: z.string().min(1),
  /** The hub's user name as typed; for the sync the directory's username. */
  user: z.string().min(1),
  server: z.string().default(""),
  session: z.string().default(""),
  /** When it happened, by the hub's clock. */
  occurredAt: z.iso.datetime({ offset: true }),
  /** When the ingress (or the sync) took it in. */
  receivedAt: z.iso.datetime({ offset: true }),
  reason: z.enum(["stopped", "failed", "unknown"]).optional(),
  account: z.string().optional(),
});

const Group = z.object({ dn: z.string(), id: z.string(), name: z.string() });
export type Group = z.infer<typeof Group>;

/** A person as the directory has them now. */
export const Identity = z.object({
  /** entryUUID, objectGUID …: stays when everything else changes. */
  directoryId: z.string().min(1),
  username: z.string().min(1),
  /** Every value of the user attribute: one human may have several names to type. */
  logins: z.array(z.string()).min(1),
  dn: z.string(),
  /** When the entry was made; null where the directory does not tell. */
  createdAt: z.iso.datetime({ offset: true }).nullable(),
  fullName: z.string(),
  /** In lower case. */
  email: z.string(),
  /** All addresses, sorted, none where the directory has none: an account keeps its own while that is among them. */
  emails: z.array(z.string()).optional(),
  groups: z.array(Group),
  isAdmin: z.boolean(),
});
export type Identity = z.infer<typeof Identity>;

/** A team of our organisation as Gitea shows it. */
export const Team = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string(),
  /** What it may do with code; `other` is what hubforge never gives (Owners, a team without code). */
  level: z.enum(["read", "write", "admin", "other"]),
});
export type Team = z.infer<typeof Team>;

const Account = z.object({
  giteaUserId: z.int(),
  /** Gitea's name for the person, which stays when their uid changes. */
  username: z.string(),
  isSiteAdmin: z.boolean(),
  /** The teams of our organisation that the person was in when the account stage looked. */
  teams: z.array(Team),
});

const Kept = z.enum(["name", "mail"]);
export type Kept = z.infer<typeof Kept>;

export const RouteName = z.enum(["spawn", "refresh", "depart", "stop"]);
export type RouteName = z.infer<typeof RouteName>;

/** What is sent into the first stage of a route, and again by a replay. */
const Sent = z.object({
  version: z.literal(1),
  route: RouteName,
  delivery: Delivery,
  replay: z.object({
    number: z.int().min(0),
    /** Why a person sent it through again. */
    reason: z.string().optional(),
    /** When each earlier try ended as a letter. */
    failedAt: z.array(z.iso.datetime({ offset: true })),
  }),
  /** The human whom the directory sync means; a spawn finds them by name, and identity writes it down. */
  directoryId: z.string().min(1).optional(),
  /** A rebuilt directory: the same human, whose id was `from` (decided by ops). */
  rebind: z.object({ from: z.string().min(1), to: z.string().min(1) }).optional(),
  /** Names of managed group teams that the sync's plan takes the person out of. */
  leave: z.array(z.string()).default([]),
  /** The sync: somebody else has the person's present address by now, so it goes even where the new one is not free yet. */
  freesMail: z.boolean().optional(),
  /** The sync: what of an account that is there stays as it is, whatever the directory says (SYNC_UPDATE_EXISTING). */
  keeps: z.array(Kept).optional(),
});

/** What stages learn for the stages after them; a replay reads directory and Gitea afresh. */
const Learned = z.object({
  identity: Identity.optional(),
  account: Account.optional(),
  /** The person's own team: having it is the proof that a repository is theirs. */
  team: z.object({ id: z.int(), name: z.string() }).optional(),
  repository: z
    .object({ owner: z.string(), name: z.string(), isEmpty: z.boolean(), defaultBranch: z.string() })
    .optional(),
});
export type Learned = z.infer<typeof Learned>;

/** What travels on the queues. Each stage adds what it learned; later stages use it and never derive it again. */
export const Envelope = z.object({ ...Sent.shape, ...Learned.shape });
export type Envelope = z.infer<typeof Envelope>;

/** The envelope without what its stages had learned. */
export function withoutLearned(envelope: Envelope): Envelope {
  return Sent.parse(envelope);
}

/** A dead letter: what could not be done, why, and the envelope that a replay sends through again (README.md §7). */
export const Failure = z.object({
  version: z.literal(1),
  /** The same for every copy of one failure: a hash of delivery, stage and replay number. */
  failureId: z.string().min(1),
  class: z.enum(["permanent", "exhausted", "crash"]),
  stage: z.string(),
  code: z.string(),
  reason: z.string(),
  attempts: z.int(),
  firstFailedAt: z.iso.datetime({ offset: true }),
  failedAt: z.iso.datetime({ offset: true }),
  request: z.object({ method: z.string(), path: z.string(), status: z.int().optional() }).optional(),
  /** Null when the message was not an envelope; then `rawBody` holds it. */
  envelope: Envelope.nullable(),
  rawBody: z.string().optional(),
});
export type Failure = z.infer<typeof Failure>;
