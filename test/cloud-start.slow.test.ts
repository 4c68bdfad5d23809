import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { copyProject } from "./support/project-copy.ts";
import { type StartChild, startChild } from "./support/start-child.ts";

let project: Awaited<ReturnType<typeof copyProject>>;
const children: StartChild[] = [];
beforeAll(async () => {
  project = await copyProject();
});
afterAll(async () => {
  for (const child of children) child.process.kill();
  await Promise.all(children.map(({ ended }) => ended));
  await project?.remove();
}, 60_000);

function start(...words: string[]): StartChild {
  const child = startChild(project.folder, words);
  children.push(child);
  return child;
}

const Login = z.object({
  stages: z.array(z.object({ stage: z.string(), outcome: z.string() })),
  repository: z.object({ cloneUrl: z.url() }),
  commit: z.object({ sha: z.string(), author: z.literal("Ada Lovelace <ada@uni.example>") }),
});

/** The first login that it prints; a start that ends without one says why. */
async function loginOf(child: StartChild): Promise<z.infer<typeof Login>> {
  const isSaid = () => child.stdout().includes("\n") || child.process.exitCode !== null;
  await expect.poll(isSaid, { timeout: 240_000, interval: 200 }).toBe(true);
  if (child.stdout() === "") throw new Error(child.stderr());
  return Login.parse(JSON.parse(child.stdout()));
}

const outcomes = ({ stages }: z.infer<typeof Login>) => stages.map(({ stage, outcome }) => `${stage} ${outcome}`);
const addresses = (child: StartChild) => child.stderr().match(/^ {2}(Gitea|Ingress|Cloud) +.*$/gm);
const kept = () => readdir(join(project.folder, ".hubforge"));

it("npm start -- --cloud goes on with what it kept, for one at a time, and --once keeps nothing beside it", async () => {
  const first = start("--cloud", "--json");
  const once = start("--cloud", "--once", "--json", "--port", "0");
  const login = await loginOf(first);
  const made = ["identity unchanged", "account created", "team created", "repository created", "templates created"];
  expect(outcomes(login)).toEqual(made);

  const second = start("--cloud");
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toBe(
    `hubforge: another npm start -- --cloud runs from this folder (process ${first.process.pid}): end it, or add --once\n`,
  );

  expect([await once.ended, outcomes(await loginOf(once))]).toEqual([0, made]);
  first.process.kill("SIGINT");
  expect(await first.ended).toBe(0);
  expect(await kept()).toEqual(["ministack"]);

  const again = start("--cloud", "--json");
  const { repository, commit, ...rest } = await loginOf(again);
  expect([repository, commit]).toEqual([login.repository, login.commit]);
  expect(outcomes({ repository, commit, ...rest })).toEqual(made.map((line) => line.replace("created", "unchanged")));
  expect(addresses(again)).toEqual(addresses(first));
  again.process.kill("SIGINT");
  expect(await again.ended).toBe(0);
}, 400_000);
