import * as z from "zod";

/** What is kept of a Gitea: one schema for each kind of row in the journal. */

const id = z.number().int();

export const visibilities = ["public", "limited", "private"] as const;

/** People and organisations share one table, as in Gitea: that is why they share their names. */
export const accountRow = z.object({
  id,
  kind: z.enum(["person", "organisation"]),
  name: z.string(),
  lowerName: z.string(),
  fullName: z.string(),
  email: z.string(),
  loginName: z.string(),
  sourceId: z.number(),
  password: z.string(),
  isAdmin: z.boolean(),
  isActive: z.boolean(),
  isLoginProhibited: z.boolean(),
  mustChangePassword: z.boolean(),
  isRestricted: z.boolean(),
  visibility: z.enum(visibilities),
  description: z.string(),
  website: z.string(),
  location: z.string(),
  repositoryQuota: z.number(),
  repositoryAdminsChangeTeams: z.boolean(),
  createdAt: z.string(),
  lastLoginAt: z.string(),
});
export type Account = z.infer<typeof accountRow>;

export const levels = ["none", "read", "write", "admin", "owner"] as const;
export type Level = (typeof levels)[number];

export const teamRow = z.object({
  id,
  organisationId: id,
  name: z.string(),
  description: z.string(),
  level: z.enum(levels),
  units: z.record(z.string(), z.enum(levels)),
  includesAllRepositories: z.boolean(),
  canCreateRepositories: z.boolean(),
  memberIds: z.array(id),
  repositoryIds: z.array(id),
});
export type Team = z.infer<typeof teamRow>;

export const repositoryRow = z.object({
  id,
  ownerId: id,
  name: z.string(),
  lowerName: z.string(),
  description: z.string(),
  website: z.string(),
  isPrivate: z.boolean(),
  isArchived: z.boolean(),
  isTemplate: z.boolean(),
  /** What the row says; the disk may say otherwise (states C and E of a killed Gitea). */
  isEmpty: z.boolean(),
  /** Gitea's branch table: the contents call believes it, not the disk. */
  knownBranches: z.array(z.string()),
  defaultBranch: z.string(),
  collaborators: z.record(z.string(), z.enum(levels)),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Repository = z.infer<typeof repositoryRow>;

export const tokenRow = z.object({
  id,
  accountId: id,
  name: z.string(),
  digest: z.string(),
  lastEight: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.string(),
  lastUsedAt: z.string(),
});
export type Token = z.infer<typeof tokenRow>;

export const keyRow = z.object({
  id,
  accountId: id,
  title: z.string(),
  key: z.string(),
  fingerprint: z.string(),
  createdAt: z.string(),
});
export type Key = z.infer<typeof keyRow>;

/** A name that somebody gave up; it leads to the new one until it is taken again. `ownerId` 0: an account's name. */
export const redirectRow = z.object({ id, ownerId: id, lowerName: z.string(), targetId: id });
export type Redirect = z.infer<typeof redirectRow>;

export const activityRow = z.object({
  id,
  repositoryId: id,
  actorId: id,
  operation: z.string(),
  ref: z.string(),
  content: z.string(),
  createdAt: z.string(),
});
export type Activity = z.infer<typeof activityRow>;

/** How often and when a scheduled task ran. */
export const taskRow = z.object({ id, name: z.string(), runs: z.number(), lastRunAt: z.string() });
