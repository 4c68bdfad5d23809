import { afterEach, describe, expect, it } from "vitest";
import { type LogLine, setLogWriter } from "#shared/log.ts";
import type { Sender } from "#shared/queue.ts";
import { decide } from "../functions/directory-sync/decide.ts";
import { logRun } from "../functions/directory-sync/log-run.ts";
import { planSync } from "../functions/directory-sync/plan-sync.ts";
import { sendPlan } from "../functions/directory-sync/send-plan.ts";
import { account, groupTeam, leaversTeam, ownTeam, person, population, worldOf } from "./support/plan-world.ts";

const datasci = groupTeam("datasci");

describe("an account of the LDAP source that nobody has marked and whose person has gone", () => {
  const names = Array.from({ length: 22 }, (_, place) => `old${String(place).padStart(2, "0")}`);
  const world = worldOf({
    people: [person("ada"), person("dan", { gone: { code: "person.disabled", reason: "locked" } })],
    accounts: [
      ...["ada", "dan", "bob", "svc", "known", ...names].map((name) => account(name)),
      account("local", { source_id: 0 }),
      account("root", { is_admin: true }),
      account("banned", { prohibit_login: true }),
      account("broken", { login_name: "Eve" }),
    ],
    teams: [ownTeam("known")],
    directory: {
      broken: [{ dn: "uid=eve", code: "directory.no-id", reason: "…", directoryId: undefined, logins: ["eve"] }],
    },
    settings: { PROTECTED_USERS: ["svc"] },
  });
  const told = ({ conflicts }: ReturnType<typeof planSync>) =>
    conflicts.flatMap(({ code, reason }) => (code === "leaver.unmarked" ? reason : []));

  it("is told, all of them in one line, and nobody touches it", () => {
    const plan = planSync(world);
    expect(told(plan)).toEqual([
      expect.stringContaining(`any more: bob, dan, ${names.slice(0, 17).join(", ")}, old17 and 5 more;`),
    ]);
    expect(plan.departures.map(({ account: login }) => login)).toEqual(["known"]);
  });

  it("is not told by a read that proves nothing", () => {
    const anomalies = [{ code: "ldap.limit", reason: "…" }];
    expect(told(planSync({ ...world, directory: { ...world.directory, anomalies } }))).toEqual([]);
    expect(told(planSync({ ...world, directory: { ...world.directory, people: [] } }))).toEqual([]);
  });
});

describe("two of one", () => {
  it("accounts with one mark: the one whose team is older is the human's, however they are listed", () => {
    const [older, newer] = [ownTeam("ada"), { ...ownTeam("ada.b", "id-of-ada"), id: ownTeam("ada").id + 1 }];
    for (const accounts of [
      [account("ada"), account("ada.b")],
      [account("ada.b"), account("ada")],
    ]) {
      const { departures, knownCount } = planSync(
        worldOf({ people: [person("bob")], accounts, teams: [older, newer] }),
      );
      expect([departures.map((one) => one.account), knownCount]).toEqual([["ada"], 1]);
    }
  });

  it("newcomers with one address: the first gets an account, the other is told", () => {
    const mail = { email: "lab@uni.example", emails: ["lab@uni.example"] };
    const { conflicts, refreshes } = planSync(
      worldOf({ people: [person("ada", mail), person("bob", mail)], settings: { SYNC_CREATE: "allowed" } }),
    );
    expect(refreshes.map(({ username }) => username)).toEqual(["ada"]);
    expect(conflicts).toMatchObject([{ code: "mail.in-use", dn: expect.stringContaining("uid=bob") }]);
  });
});

describe("a leaver who is blocked already", () => {
  it("still leaves a managed team that they are in, and then there is nothing left to plan", () => {
    const world = (members: string[]) =>
      worldOf({
        people: [person("ada")],
        accounts: [account("bob", { prohibit_login: true })],
        teams: [ownTeam("bob"), datasci, leaversTeam],
        members: [
          [datasci, members],
          [leaversTeam, ["bob"]],
        ],
      });
    expect(planSync(world(["bob"])).departures).toMatchObject([{ account: "bob", leave: ["datasci"] }]);
    expect(planSync(world([])).departures).toEqual([]);
  });
});

describe("what a run says", () => {
  afterEach(() => setLogWriter(() => {}));

  it("names fifty conflicts at most and counts them all, and counts what is held back", () => {
    const world = population(20, (place) => place >= 7);
    const broken = Array.from({ length: 60 }, (_, place) => ({
      dn: `cn=x${place}`,
      code: "directory.no-name",
      reason: "no uid",
      directoryId: `broken-${place}`,
      logins: [],
    }));
    const changed = { ...world, directory: { ...world.directory, broken } };
    const lines: LogLine[] = [];
    setLogWriter((line) => lines.push(line));
    logRun({ ...decide(changed, {}), world: changed, sent: 0, nativeSync: { runs: 0 }, isDryRun: false }, 1, 1);
    expect(lines.filter(({ event }) => event === "sync.conflict-reported")).toHaveLength(50);
    expect(lines.find(({ event }) => event === "sync.held-back")?.counts).toEqual({ heldBack: 7 });
    expect(lines.at(-1)).toMatchObject({ event: "sync.finished", counts: { conflicts: 60, heldBack: 7, departed: 0 } });
  });
});

describe("a configured group", () => {
  it("outside the group search base is told as that, not as missing", () => {
    const dn = "cn=reader,ou=services,dc=uni,dc=example";
    const world = worldOf({
      people: [person("ada")],
      directory: { missingGroups: [dn] },
      settings: {
        GROUP_TEAMS: { [dn]: { team: "x", permission: "read" } },
        LDAP_GROUP_SEARCH_BASE: "ou=groups,dc=uni,dc=example",
      },
    });
    const [guard] = decide(world, {}).guards;
    expect(guard).toMatchObject({
      code: "group.missing",
      reason: expect.stringContaining(
        `of GROUP_TEAMS lies outside the group search base "ou=groups,dc=uni,dc=example"`,
      ),
    });
  });
});

describe("a site admin of Gitea's whose person has left", () => {
  const world = (isBlocked: boolean) =>
    worldOf({
      people: [person("ada")],
      accounts: [account("root", { is_admin: true, prohibit_login: isBlocked })],
      teams: [ownTeam("root")],
    });

  it("is told by account and directory id, until an admin has blocked them", () => {
    const [told, ...more] = planSync(world(false)).conflicts;
    expect([told, more]).toEqual([
      {
        code: "leaver.is-admin",
        dn: undefined,
        reason: expect.stringMatching(/^account root \(directory id id-of-root\)/),
      },
      [],
    ]);
    expect(planSync(world(true))).toMatchObject({ conflicts: [], departures: [] });
  });

  it("has no empty DN in the log", () => {
    const lines: LogLine[] = [];
    setLogWriter((line) => lines.push(line));
    const now = world(false);
    logRun({ ...decide(now, {}), world: now, sent: 0, nativeSync: { runs: 0 }, isDryRun: false }, 1, 1);
    setLogWriter(() => {});
    const [line] = lines.filter(({ event }) => event === "sync.conflict-reported");
    expect(line).toMatchObject({ code: "leaver.is-admin" });
    expect(line).not.toHaveProperty("dn");
  });
});

describe("an odd group", () => {
  it("is told by its DN where a setting names it, and holds nothing back", () => {
    const odd = (dn: string) => ({ dn, code: "directory.no-id", reason: "no id" });
    const world = population(3, (place) => place > 0);
    const settings = { ...world.settings, GROUP_TEAMS: { "CN=odd": { team: "odd", permission: "read" as const } } };
    const directory = { ...world.directory, oddGroups: [odd("cn=odd"), odd("cn=nobodys")] };
    const { conflicts, departures } = planSync({ ...world, settings, directory });
    expect([conflicts, departures.length]).toEqual([[odd("cn=odd")], 1]);
  });
});

describe("a queue that fails", () => {
  it("is sent nothing more once a batch has failed", async () => {
    const world = population(400);
    const people = world.directory.people.map((one) => ({ ...one, fullName: "New Name" }));
    const decision = decide({ ...world, directory: { ...world.directory, people } }, {});
    expect(decision.plan.refreshes).toHaveLength(400);
    let batches = 0;
    const refusing = async () => {
      batches += 1;
      throw new Error("down");
    };
    const sender: Sender = {
      sendBatch: refusing,
      sendEnvelope: refusing,
      sendFailure: refusing,
      giveBack: refusing,
    };
    const tools = { sender, signal: AbortSignal.timeout(1_000), now: new Date(), onSent: () => undefined };
    await expect(sendPlan(decision, tools)).rejects.toThrow("down");
    expect(batches).toBe(8);
  });
});
