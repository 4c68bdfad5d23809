import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AskedConsole, openConsole } from "./support/ask-console.ts";
import { eventually } from "./support/eventually.ts";
import { letterOf, sendLetters } from "./support/letters.ts";
import { runOps } from "./support/ops.ts";
import { startQueues, type TestQueues } from "./support/queues.ts";

let queues: TestQueues;
let open: AskedConsole;
beforeAll(async () => {
  queues = await startQueues();
  open = await openConsole(queues);
});
afterAll(async () => {
  await open.running.stop();
  await queues.stop();
});

describe("hubforge console", () => {
  it("says what to do about a port that is taken, or is none", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const taken = await runOps(["console", "--port", new URL(`http://${open.host}`).port], { environment });
    expect([taken.code, taken.stderr]).toEqual([
      2,
      expect.stringMatching(/cannot listen on port \d+ .*: choose another by --port/),
    ]);
    const none = await runOps(["console", "--port", "99999"], { environment });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--port "99999" must be a whole number')]);
  });

  it("prints another address for each Enter, because each opens one browser only", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const areTwo = (stdout: string) => stdout.split("\n").length > 2;
    const { lines } = await runOps(["console"], { environment, typed: "", interruptAt: areTwo });
    const urls = lines.map((line) => new URL(JSON.parse(line).url));
    expect(urls.map(({ host }) => host)).toEqual([urls[0]?.host, urls[0]?.host]);
    expect(new Set(urls.map(({ hash }) => hash)).size).toBe(2);
  });

  it("ends with 0 when nothing is going on, and answers nobody any more", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const { code, lines } = await runOps(["console"], { environment, interruptAt: (stdout) => stdout.includes("\n") });
    expect(code).toBe(0);
    const { url } = JSON.parse(lines[0] ?? "");
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});

describe("the console's pages", () => {
  const show = (path: string) => open.show(path);
  const ask = (path: string) => open.ask(path, { headers: { cookie: open.cookie } });
  const post: AskedConsole["post"] = (...form) => open.post(...form);

  it("have the command's filters, and say what is wrong with one", async () => {
    await sendLetters(queues, [
      letterOf("ada"),
      letterOf("bob", { code: "gitea.refused", stage: "repository", failureId: "f-of-bob" }),
      "no letter",
    ]);
    await eventually(() => show("/letters")).toContain("3 of 3 letters");
    for (const query of [
      "user=BOB",
      "stage=repository",
      "code=gitea.*",
      "id=f-of-b",
      "q=REPOSITORY+bob",
      "until=2026-11-24&user=bob",
    ]) {
      const text = await show(`/letters?${query}`);
      expect([query, text.includes("1 of 3 letters"), text.includes(">bob</a>")]).toEqual([query, true, true]);
    }
    expect(await show("/letters?limit=2")).toContain("2 of 3 letters");
    expect(await show("/letters?class=unknown")).toContain("nobody known");
    const wrong = await ask("/letters?stage=repositry");
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain("(did you mean repository?)");
    expect(wrong.text).not.toContain("Plan a replay");
    const misspelt = await ask("/letters?usr=bob");
    expect([misspelt.status, misspelt.text.includes("(did you mean user?)")]).toEqual([400, true]);
    const all = await post("/plans?stge=team", "all=yes");
    expect([all.status, all.headers["location"]]).toEqual([400, undefined]);
    for (const list of ["f-of-b,", ",f-of-b", "f-of-b,+,"])
      expect(await show(`/letters?id=${list}`)).toContain("1 of 3 letters");
    for (const none of [",", "+,+,"]) expect((await ask(`/letters?id=${none}`)).status).toBe(400);
  });

  it("show every queue, the net behind the stages as well", async () => {
    const page = await show("/");
    for (const name of ["identity", "departures", "crashed"]) expect(page).toContain(`<th scope="row">${name}</th>`);
  });

  it("hold no letter once they are shown: the command sees them all", async () => {
    const environment = { ...queues.environment, AWS_ENDPOINT_URL: queues.endpoint };
    const { lines, stderr } = await runOps(["dead-letters", "list"], { environment });
    expect([lines.length, stderr]).toEqual([3, "3 of 3 letters on the queues of QUEUE_URL_*\n"]);
  });

  it("refuse a plan of nothing, a wrong count and a plan that is forgotten", async () => {
    expect((await post("/plans", "verb=replay")).text).toContain("No letter is selected");
    expect((await post("/plans/none/execute", "typed=1")).status).toBe(404);
    const made = await post("/plans", "verb=discard&key=f-of-bob");
    expect(made.status).toBe(303);
    const place = String(made.headers["location"]);
    await expect.poll(() => show(place), { timeout: 60_000 }).toContain("discard <strong>1 letter</strong>");
    for (const typed of ["", "2", "yes"]) {
      const refused = await post(`${place}/execute`, `typed=${typed}`);
      expect([refused.status, refused.text.includes("Nothing was done")]).toEqual([400, true]);
    }
    expect(queues.messagesIn("dead-letters")).toHaveLength(3);
  });
});
