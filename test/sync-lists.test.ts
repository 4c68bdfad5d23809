import { describe, expect, it } from "vitest";
import type { GiteaLists } from "#shared/gitea/account-list.ts";
import { readGitea } from "../functions/directory-sync/read-gitea.ts";
import { population } from "./support/plan-world.ts";

const { gitea, settings } = population(3);
const still = <Item>(items: Item[]) => Promise.resolve({ items, hasMoved: false });

/** Gitea's lists, of which one moved while it was read. */
function listsWith(moving: "accounts" | "organisations" | "teams"): GiteaLists {
  const listed = <Item>(what: string, items: Item[]) => Promise.resolve({ items, hasMoved: what === moving });
  return {
    accounts: () => listed("accounts", gitea.accounts),
    organisations: () => listed("organisations", [{ id: 1, username: "Physics" }]),
    teams: () => listed("teams", gitea.teams),
    members: () => still([]),
    nativeSyncRuns: () => Promise.resolve(0),
  };
}

describe("a list of Gitea's that moves while it is read", () => {
  it.each(["accounts", "teams"] as const)("is told where removals rest on it: %s", async (what) => {
    expect((await readGitea(listsWith(what), { ...settings, SYNC_CREATE: "allowed" })).moved).toEqual([what]);
  });

  it("costs nothing where they do not: organisations", async () => {
    const { moved, organisations } = await readGitea(listsWith("organisations"), {
      ...settings,
      SYNC_CREATE: "allowed",
    });
    expect([moved, organisations]).toEqual([[], ["physics"]]);
  });
});
