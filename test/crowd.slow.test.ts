import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { type Stack, startLocalStack } from "../infra/local/stack.ts";
import { membersOf, teamsNamed } from "./support/accounts.ts";
import { GiteaView } from "./support/gitea-view.ts";
import { groupDn } from "./support/people.ts";

const CROWD = Array.from({ length: 20 }, (_, place) => `crowd${place + 10}`);
const dnOf = (uid: string) => `uid=${uid},ou=people,dc=uni,dc=example`;
const personOf = (uid: string) => `
dn: ${dnOf(uid)}
objectClass: inetOrgPerson
uid: ${uid}
cn: Person ${uid}
sn: ${uid}
mail: ${uid}@uni.example
`;
const GROUP = `
dn: ${groupDn("crowd")}
objectClass: groupOfNames
cn: crowd
${CROWD.map((uid) => `member: ${dnOf(uid)}`).join("\n")}
`;

let dir: string;
let stack: Stack;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-crowd-"));
  const seed = await readFile(new URL("../infra/local/directory/seed.ldif", import.meta.url), "utf8");
  stack = await startLocalStack({
    dir,
    seedLdif: [seed, ...CROWD.map(personOf), GROUP].join("\n"),
    settings: { GROUP_TEAMS: JSON.stringify({ [groupDn("crowd")]: { team: "course", permission: "read" } }) },
  });
});
afterAll(async () => {
  await stack.stop();
  await rm(dir, { recursive: true, force: true });
});

describe("twenty people of one group who start their first server at the same moment", () => {
  it("share exactly one group team, and each has a repository with one commit", { timeout: 180_000 }, async () => {
    const posted = await Promise.all(CROWD.map((user) => stack.send({ type: "server.spawning", user })));
    expect(posted.map(({ status }) => status)).toEqual(CROWD.map(() => 202));
    const journeys = await Promise.all(posted.map(({ delivery }) => stack.follow(delivery, 150_000)));
    expect(journeys.filter(({ isDone }) => !isDone)).toEqual([]);

    const view = new GiteaView(stack.giteaUrl, stack.gitea?.token ?? "");
    expect(await teamsNamed({ view }, "course")).toHaveLength(1);
    expect(await membersOf({ view }, "course")).toEqual(CROWD);
    const repositories = z
      .array(z.object({ name: z.string(), empty: z.boolean() }))
      .parse(await view.get("/orgs/ilum-jupyterhub/repos?page=1&limit=50"));
    expect(repositories.map(({ name, empty }) => `${name} ${empty}`).sort()).toEqual(
      CROWD.map((user) => `jupyterhub-${user} false`),
    );
    const commits = stack.lines.filter(({ event }) => event === "templates.created");
    expect(new Set(commits.map(({ person }) => person))).toEqual(new Set(CROWD));
    expect(commits).toHaveLength(CROWD.length);
  });
});
