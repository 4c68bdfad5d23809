import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Envelope } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import type { StageName } from "#shared/pipeline.ts";
import { spawnOf } from "./support/envelopes.ts";
import { done, failing, type StageBench, startStageBench } from "./support/stage-bench.ts";

let bench: StageBench;
beforeAll(async () => {
  bench = await startStageBench();
});
afterAll(() => bench.stop());
beforeEach(() => bench.forget());

describe("a letter", () => {
  it("has one id for every copy of a failure, and another for each stage, replay and hub", async () => {
    const envelope = spawnOf("ada");
    const deny = failing(new Permanent("account.taken", "taken"));
    const idOf = async (change: Partial<Envelope> = {}, name: StageName = "account") => {
      bench.lines.length = 0;
      await bench.handler({ name, ensure: deny })(await bench.receive({ ...envelope, ...change }));
      return bench.lines[0]?.failureId;
    };
    const first = await idOf();
    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(await idOf()).toBe(first);
    const others = [
      await idOf({}, "team"),
      await idOf({ replay: { number: 1, failedAt: [] } }),
      await idOf({ delivery: { ...envelope.delivery, hub: "physics" } }),
      await idOf({ delivery: { ...envelope.delivery, id: "another" } }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  it("carries a reason and names with U+FFFE, cleaned, so that nobody's later events wait for it", async () => {
    const envelope = spawnOf("ada\uFFFE");
    const reason = "POST /admin/users answered 400: no\uFFFEt\uFFFF possible";
    const request = { method: "POST", path: "/admin/users", status: 400 };
    const error = new Permanent("gitea.refused", reason, { request });
    expect(await bench.handler({ ensure: failing(error) })(await bench.receive(envelope))).toEqual(done);
    expect(bench.letterOf(envelope)).toMatchObject({
      reason: "POST /admin/users answered 400: no\uFFFDt\uFFFD possible",
      request,
      envelope: { delivery: { user: "ada\uFFFD" } },
    });
  });

  it("keeps a reason of any length readable", async () => {
    const envelope = spawnOf("ada");
    await bench.handler({ ensure: failing(new Permanent("team.taken", "x".repeat(2_000_000))) })(
      await bench.receive(envelope),
    );
    expect(bench.letterOf(envelope)?.reason).toBe("x".repeat(4_000));
  });

  it("of a message that is nearly too large itself leaves out what only the stages had learned", async () => {
    const envelope = spawnOf("ada");
    const identity = {
      directoryId: "id",
      username: "ada",
      logins: ["ada"],
      dn: "uid=ada",
      createdAt: null,
      fullName: "x".repeat(1_046_500),
      email: "ada@uni.example",
      groups: [],
      isAdmin: false,
    };
    const deny = failing(new Permanent("account.taken", "taken ".repeat(500)));
    expect(await bench.handler({ ensure: deny })(await bench.receive({ ...envelope, identity }))).toEqual(done);
    const letter = bench.letterOf(envelope);
    expect(letter?.envelope?.identity).toBeUndefined();
    expect(letter?.envelope).toEqual(envelope);
  });

  it.each([
    ["no JSON", "spawn ada", "not JSON"],
    ["nothing", "", "not JSON"],
    ["JSON of another kind", '{"Records":[]}', "version: "],
    ["a null", "null", "(root): "],
    ["an envelope of another time", JSON.stringify({ ...spawnOf("ada"), version: 2 }), "version: "],
    ["a route that does not pass here", JSON.stringify(spawnOf("ada", { route: "stop" })), "route stop does not pass"],
  ])("of a message that holds %s keeps the raw body", async (_title, body, problem) => {
    const record = await bench.receive(body);
    expect(await bench.handler()(record)).toEqual(done);
    const letter = bench.letters().at(-1);
    expect(letter).toMatchObject({ class: "permanent", code: "envelope.invalid", envelope: null, rawBody: body });
    expect(letter?.reason).toContain(problem);
    expect(bench.lines).toMatchObject([
      { event: "stage.dead-lettered", code: "envelope.invalid", messageId: record.messageId },
    ]);
  });

  it("of 1 MiB of characters that JSON blows up is written all the same", async () => {
    const body = "\uFFFE\u0001".repeat(500_000);
    expect(await bench.handler()(await bench.receive(body))).toEqual(done);
    expect(bench.letters().at(-1)?.rawBody).toBe("\uFFFD\u0001".repeat(50_000));
  });
});
