import type { Everybody } from "#shared/directory.ts";
import type { Kept, Team } from "#shared/envelope.ts";
import type { Account } from "#shared/gitea/account-list.ts";
import type { SyncSettings } from "./settings.ts";

/** Gitea as the sync has read it. */
export type GiteaState = {
  accounts: Account[];
  /** Lower case; they hold names like people. */
  organisations: string[];
  teams: Team[];
  /** Of the teams that hubforge keeps for many: team id → account ids. */
  members: Map<number, ReadonlySet<number>>;
  /** Gitea's id of an account → the marked team that was made for it. */
  ownTeams: Map<number, Team>;
  /** Which lists moved while they were read. */
  moved: string[];
};

export type World = { directory: Everybody; gitea: GiteaState; settings: SyncSettings };

/** One thing that will be different, for people to read and for the hash of the change. */
export type Change = {
  what: "account" | "name" | "mail" | "login" | "team" | "join" | "unblock" | "id";
  from: string;
  to: string;
};

/** Somebody whom the stages shall look at. */
export type Refresh = {
  directoryId: string;
  /** The directory's name for them: their place in line. */
  username: string;
  dn: string;
  account: string | undefined;
  changes: Change[];
  /** Teams they are in without a group that grants them. */
  leave: string[];
  /** Their account would give up a real address for a placeholder, because the directory shows none. */
  losesMail: boolean;
  /** Their present address is somebody else's by now. */
  freesMail: boolean;
  /** Ops have decided that this is the same human. */
  rebind?: { from: string; to: string };
};

/** Somebody who has gone, and what they are still in. */
export type Departure = {
  directoryId: string;
  username: string;
  account: string;
  reason: string;
  leave: string[];
};

/** The same name, account and mail under another directory id. */
export type Rebind = { from: string; to: string; username: string; account: string; dn: string };

/** What no write can solve: for people, by DN where the directory has an entry for it. */
export type Conflict = { code: string; dn?: string | undefined; reason: string };

/** Everything in it is sorted, so that the same world gives the same plan. */
export type Plan = {
  refreshes: Refresh[];
  departures: Departure[];
  rebinds: Rebind[];
  conflicts: Conflict[];
  /** What of existing accounts stays as it is, whoever is looked at. */
  keeps: Kept[];
  /** People whose account carries their mark and who may sign in now: what guards measure by. */
  knownCount: number;
};
