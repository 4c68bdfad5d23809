import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { syncDirectory } from "../functions/directory-sync/sync-directory.ts";
import { unusedSettings } from "../infra/local/check-settings.ts";
import { type Stack, startLocalStack } from "../infra/local/stack.ts";
import { syncText } from "../infra/local/sync-notice.ts";
import { eventually } from "./support/eventually.ts";
import { groupDn } from "./support/people.ts";

/** The change records that the page gives to ldapmodify, in their order: change, removal, return. */
const PAGE = readFileSync(new URL("../functions/directory-sync/BY-HAND.md", import.meta.url), "utf8");
const CHANGES = Array.from(PAGE.matchAll(/^ {4}change <<'END'\n([\s\S]*?)^ {4}END$/gm), ([, ldif = ""]) =>
  ldif.replace(/^ {4}/gm, ""),
);

let dir: string;
let stack: Stack;
const stacks: Stack[] = [];
const said: string[] = [];
beforeEach(async () => {
  said.length = 0;
  dir = await mkdtemp(join(tmpdir(), "hubforge-sync-"));
});
afterEach(async () => {
  await stop();
  await rm(dir, { recursive: true, force: true });
});

async function stop(): Promise<void> {
  for (const one of stacks.splice(0)) await one.stop();
}

/** As `npm start` does, up to the first sync's notice. */
async function start(settings: Record<string, string> = {}): Promise<void> {
  stack = await startLocalStack({
    dir,
    isSyncing: true,
    parameters: { departureDelaySeconds: 0 },
    settings: {
      SYNC_SCHEDULE: "rate(1 hour)",
      GROUP_TEAMS: JSON.stringify({ [groupDn("datasci")]: { team: "datasci", permission: "write" } }),
      ...settings,
    },
    onTrouble: (sentence) => said.push(sentence),
  });
  stacks.push(stack);
  const tell = (line: Stack["lines"][number]) => {
    const text = syncText(line);
    if (text !== undefined) said.push(text);
  };
  stack.lines.forEach(tell);
  stack.onLine(tell);
  await eventually(() => said.length).toBeGreaterThan(0);
}

/** The deployed function, as the schedule wakes it. */
const nextSync = () => syncDirectory()({}, { getRemainingTimeInMillis: () => 60_000 });

async function ask(path: string): Promise<unknown> {
  const headers = { Authorization: `token ${process.env["GITEA_TOKEN"]}` };
  return await (await fetch(`${stack.giteaUrl}/api/v1${path}`, { headers })).json();
}

/** What the stand-in shows of ada. */
async function ada() {
  const Teams = z.array(z.object({ name: z.string(), id: z.int() }));
  const Users = z.array(z.object({ login: z.string() }));
  const { full_name, email, prohibit_login } = z
    .object({ full_name: z.string(), email: z.string(), prohibit_login: z.boolean() })
    .parse(await ask("/users/ada"));
  const teams = Teams.parse(await ask("/orgs/ilum-jupyterhub/teams"));
  const datasci = teams.find(({ name }) => name === "datasci");
  const members = datasci ? Users.parse(await ask(`/teams/${datasci.id}/members`)) : [];
  return {
    name: full_name,
    mail: email,
    isBlocked: prohibit_login,
    isInTeam: members.some(({ login }) => login === "ada"),
  };
}

describe("the directory of npm start, changed by ldapmodify", () => {
  it("shows in the stand-in after the next sync: name, mail, group, removal, return", async () => {
    await start();
    expect(said[0]).toContain("6 people, 3 groups, 1 accounts: nothing to do");
    const { delivery } = await stack.send({ type: "server.spawning", user: "ada" });
    await stack.follow(delivery);
    const before = { name: "Ada Lovelace", mail: "ada@uni.example", isBlocked: false, isInTeam: true };
    expect(await ada()).toEqual(before);

    const [change = "", removal = "", back = ""] = CHANGES;
    await stack.slapd.modify(change);
    await nextSync();
    const after = { name: "Ada Byron", mail: "ada.byron@uni.example", isBlocked: false, isInTeam: false };
    await eventually(ada).toEqual(after);

    await stack.slapd.modify(removal);
    await nextSync();
    await eventually(ada).toEqual({ ...after, isBlocked: true });

    await stack.slapd.modify(back);
    await nextSync();
    await eventually(ada).toEqual({ ...before, isInTeam: false });
  }, 60_000);

  it("that does not answer is told once a run", async () => {
    await start({ LDAP_URLS: "ldap://127.0.0.1:9" });
    await stop();
    expect(said).toEqual([expect.stringMatching(/✘ sync +did not come to its end: ldap\.unreachable: /)]);
  });
});

describe("SYNC_SCHEDULE on one machine", () => {
  it("is said to run once where it is the cloud's cron expression", () => {
    expect(unusedSettings({ SYNC_SCHEDULE: "cron(0 3 * * ? *)" }, undefined)).toEqual([
      "SYNC_SCHEDULE cron(0 3 * * ? *) is the cloud's: here the sync runs once, at start; hubforge sync runs it again",
    ]);
    expect(unusedSettings({ SYNC_SCHEDULE: "rate(1 minute)" }, undefined)).toEqual([]);
  });
});
