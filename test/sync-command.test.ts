import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../infra/ops/command-line.ts";
import { addPerson, groupDn, leaveGroup, removePerson, setAttribute } from "./support/people.ts";
import { enrol, settle, startSyncWorld, waitingIn } from "./support/sync.ts";
import type { World } from "./support/world.ts";

const STUDENTS = Array.from({ length: 8 }, (_, place) => `student${place}`);

let world: World;
beforeEach(async () => {
  world = await startSyncWorld({
    GROUP_TEAMS: JSON.stringify({ [groupDn("datasci")]: { team: "datasci", permission: "write" } }),
  });
});
afterEach(() => world.stop());

/** `hubforge sync …` against the world's queues: exit code, stdout, stderr. */
const hubforge = (...words: string[]) => hubforgeIn(world.environment, ...words);

async function hubforgeIn(environment: World["environment"], ...words: string[]) {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const { signal } = new AbortController();
  const code = await runCommandLine(["sync", ...words], { streams, environment, signal });
  const text = (stream: PassThrough) => String(stream.read() ?? "");
  return { code, data: text(streams.stdout), notes: text(streams.stderr) };
}

describe("hubforge sync", () => {
  it("--dry-run shows the plan as a table or as JSON and sends nothing", async () => {
    await enrol(world, "ada", "bob");
    await setAttribute(world, "ada", "cn", "Ada Byron");
    await leaveGroup(world, "datasci", "bob");
    const shown = await hubforge("--dry-run", "--table");
    expect(shown.code).toBe(0);
    expect(shown.data).toMatch(/^WHAT +PERSON +ACCOUNT +DETAIL\n/);
    expect(shown.data).toMatch(/update +ada +ada +name "Ada Lovelace" → "Ada Byron"/);
    expect(shown.data).toMatch(/leave +bob +bob +team datasci/);
    expect(shown.notes).toContain("Dry run: nothing was sent.");
    const lines = (await hubforge("--dry-run", "--json")).data.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { what: "update", person: "ada" },
      { what: "leave", person: "bob", detail: "team datasci" },
      {
        what: "summary",
        dryRun: true,
        refusal: null,
        hash: expect.stringMatching(/^[0-9a-f]{12}$/),
        held: 0,
        guards: [],
        confirm: null,
        rebind: null,
        counts: { people: 6, toUpdate: 1, toLeave: 1, sent: 0 },
      },
    ]);
    expect(world.envelopesIn("identity")).toEqual([]);
  });

  it("runs now and says how much it sent", async () => {
    await enrol(world, "ada");
    await setAttribute(world, "ada", "cn", "Ada Byron");
    const { code, notes } = await hubforge();
    expect([code, world.envelopesIn("identity").length]).toEqual([0, 1]);
    expect(notes).toContain("1 message sent.");
  });

  it("--confirm lets exactly the removals of its hash through, once", async () => {
    for (const uid of STUDENTS) await addPerson(world, { uid });
    await enrol(world, ...STUDENTS);
    for (const uid of STUDENTS.slice(0, 6)) await removePerson(world, uid);
    const held = await hubforge();
    expect(held.code).toBe(4);
    const summary = JSON.parse(held.data.trim().split("\n").at(-1) ?? "");
    expect(summary).toMatchObject({
      what: "summary",
      dryRun: false,
      held: 6,
      guards: ["directory.halved", "removals.many"],
    });
    expect(summary.confirm).toBe(summary.hash);
    expect((await hubforge("--dry-run")).code).toBe(0);
    const [, hash = ""] = /hubforge sync --confirm ([0-9a-f]{12})/.exec(held.notes) ?? [];
    expect(await hubforge("--confirm", "000000000000")).toMatchObject({
      code: 1,
      notes: expect.stringContaining(hash),
    });
    expect(waitingIn(world)).toEqual([]);
    expect((await hubforge("--confirm", hash)).code).toBe(0);
    expect(waitingIn(world)).toHaveLength(6);
    await settle(world);
    expect(await hubforge("--confirm", hash)).toMatchObject({
      code: 1,
      notes: expect.stringContaining("Nothing was done"),
    });
  });

  it("advises no confirmation that would be refused, and says 4 only where something is held back", async () => {
    await enrol(world, "ada", "bob");
    const blind = { ...world.environment, LDAP_EMAIL_ATTRIBUTE: "pager" };
    const nothing = await hubforgeIn(blind);
    expect(nothing.code).toBe(0);
    await removePerson(world, "ada");
    const held = await hubforgeIn(blind);
    expect([held.code, held.notes]).toEqual([4, expect.stringContaining("nobody can confirm it")]);
    expect(held.notes).not.toContain("--confirm");
    expect(waitingIn(world)).toEqual([]);
  });

  it("gives up after --within minutes and says so", async () => {
    world.gitea.faults.add({ path: "/admin/users?page=1", delayMilliseconds: 2_500, times: "always" });
    const late = await hubforge("--within", "0.01");
    expect([late.code, late.notes]).toEqual([
      1,
      expect.stringMatching(
        /^hubforge: given up after 0\.01 minutes \(--within\): .*\nIt came so far: .* 0 messages sent/,
      ),
    ]);
    expect((await hubforge("--within", "8.2", "--dry-run")).code).toBe(0); // no whole milliseconds
    expect((await hubforge("--within", "soon")).code).toBe(2);
  });

  it("says how far it came when a part is down, and refuses two decisions at once", async () => {
    await enrol(world, "ada");
    world.gitea.faults.add({ path: "/orgs/ilum-jupyterhub/teams", status: 503 });
    const failed = await hubforge();
    expect(failed.code).toBe(1);
    expect(failed.notes).toMatch(
      /gitea\.failing.*\nIt came so far: \d+ people read, \d+ accounts read, 0 messages sent/,
    );
    expect((await hubforge("--confirm", "a", "--rebind", "b")).code).toBe(2);
  });
});
