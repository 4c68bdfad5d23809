import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Journey } from "../infra/local/journal.ts";
import { type Commit, lookInto, repositoryOf } from "../infra/local/look.ts";
import { type Stack, startLocalStack } from "../infra/local/stack.ts";
import { mintSessionToken } from "./support/session-tokens.ts";

/** F7 of README.md: `cn:: QWRhIExvdmVsYWNl77+/` ends in U+FFFF, and so does the name of her group. */
const ODD = `
dn: uid=odd,ou=people,dc=uni,dc=example
objectClass: inetOrgPerson
uid: odd
cn:: QWRhIExvdmVsYWNl77+/
sn: Odd
mail: odd@uni.example

dn:: ${Buffer.from("cn=odd\uFFFF,ou=groups,dc=uni,dc=example").toString("base64")}
objectClass: groupOfNames
cn:: ${Buffer.from("odd\uFFFF").toString("base64")}
member: uid=odd,ou=people,dc=uni,dc=example

dn: uid=refused,ou=people,dc=uni,dc=example
objectClass: inetOrgPerson
uid: refused
cn: Refused Once
sn: Once
mail: refused@uni.example
`;

let dir: string;
let stack: Stack;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-journey-"));
  const seed = await readFile(new URL("../infra/local/directory/seed.ldif", import.meta.url), "utf8");
  stack = await startLocalStack({ dir, seedLdif: `${seed}\n${ODD}` });
});
afterAll(async () => {
  await stack.stop();
  await rm(dir, { recursive: true, force: true });
});

async function start(user: string, delivery?: string): Promise<Journey> {
  const posted = await stack.send({ type: "server.spawning", user, ...(delivery ? { delivery } : {}) });
  expect(posted.status).toBe(202);
  return await stack.follow(posted.delivery);
}

function gitea() {
  if (!stack.gitea) throw new Error("this journey needs the stand-in");
  return stack.gitea;
}

type Session = { user: string; server: string; session: string };

/** What the user's notebook server does: it clones with its session's token. */
async function openSession(journey: Journey, session: Session): Promise<() => Promise<Commit>> {
  const account = journey.envelope?.account?.username ?? "";
  const cloneUrl = repositoryOf(journey, stack.giteaUrl)?.cloneUrl ?? "";
  const password = await mintSessionToken({ gitea: gitea() }, account, { hub: stack.hub, ...session });
  return () => lookInto(cloneUrl, { dir, user: "hubforge", password });
}

const done = ({ stages, isDone }: Journey) => ({ isDone, outcomes: stages.map(({ outcome }) => outcome) });
const CREATED = { isDone: true, outcomes: ["unchanged", "created", "created", "created", "created"] };
const FOUND = { isDone: true, outcomes: Array(5).fill("unchanged") };

function printFigures({ stages }: Journey, milliseconds: number): void {
  const requests = stages.reduce((sum, { giteaRequests }) => sum + giteaRequests, 0);
  const figures = `${stages.length} stages, ${requests} requests, ${(milliseconds / 1000).toFixed(1)} s`;
  process.stdout.write(`journey: signed POST to git clone ${figures}\n`);
}

describe("from a signed event to a clone", () => {
  it("ada starts a server: her notebooks are there, by her, for a token that ends with her session", async () => {
    const session = { user: "ada", server: "", session: "session-1" };
    const startedAt = performance.now();
    const journey = await start("ada");
    expect(done(journey)).toEqual(CREATED);
    const clone = await openSession(journey, session);
    const commit = await clone();
    printFigures(journey, performance.now() - startedAt);
    expect(commit.author).toBe("Ada Lovelace <ada@uni.example>");
    expect(commit.files).toEqual([
      ".gitignore",
      ".sparkmagic/config.json",
      "IlumIntro.ipynb",
      "README.md",
      "examples/spark-pi.ipynb",
      "examples/sparkmagic.ipynb",
      "work/README.md",
    ]);
    expect(stack.lines.find(({ event }) => event === "templates.created")).toMatchObject({ commit: commit.sha });

    const stopped = await stack.send({ type: "server.stopped", ...session, account: "ada" });
    expect(await stack.follow(stopped.delivery)).toMatchObject({ isDone: true, stages: [{ outcome: "updated" }] });
    // Refused, Git asks for other credentials.
    await expect(clone()).rejects.toThrow(/could not read Username/);
  });

  it("a hub that sends the same delivery again, and the same person under a name in capitals, change nothing", async () => {
    await start("bob", "msg_bob");
    const handled = stack.lines.filter(({ delivery }) => delivery === "msg_bob").length;
    expect((await stack.send({ type: "server.spawning", user: "bob", delivery: "msg_bob" })).status).toBe(202);
    expect(done(await start("BOB"))).toEqual(FOUND);
    // One more line: the ingress has accepted it, and the queue has dropped the copy.
    expect(stack.lines.filter(({ delivery }) => delivery === "msg_bob")).toHaveLength(handled + 1);
  });

  it("several people at once are all served, each with one commit of their own", async () => {
    const people = ["carol", "dan", "jdoe", "ilumadmin"];
    const journeys = await Promise.all(people.map((user) => start(user)));
    const commits = journeys.map(({ delivery }) =>
      stack.lines.filter((line) => line.delivery === delivery && line.event === "templates.created"),
    );
    expect(commits.map(({ length }) => length)).toEqual(people.map(() => 1));
  });
});

describe("characters that SQS refuses", () => {
  it("in the name that was typed are refused at the door, naming the field", async () => {
    const { status, message } = await stack.send({ type: "server.spawning", user: "ada\uFFFF" });
    expect(status).toBe(422);
    expect(message).toContain("data.user");
  });

  it("in the directory's names are cleaned on the way, and the person is served", async () => {
    const journey = await start("odd");
    expect(done(journey)).toEqual(CREATED);
    const clone = await openSession(journey, { user: "odd", server: "", session: "session-2" });
    expect((await clone()).author).toBe("Ada Lovelace\uFFFD <odd@uni.example>");
  });

  it("in Gitea's refusal are cleaned in the letter, and that person's next event runs", async () => {
    gitea().faults.add({ path: "/users/refused", status: 400, body: { message: "no\uFFFEt like this" } });
    expect(await start("refused")).toMatchObject({
      isDone: false,
      failure: { stage: "account", code: "gitea.refused", reason: expect.stringContaining("answered 400") },
    });
    expect(done(await start("refused"))).toEqual(CREATED);
  });
});
