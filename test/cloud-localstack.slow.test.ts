import { afterAll, beforeAll, expect, it } from "vitest";
import type { CloudStack } from "../infra/local/cloud/cloud-stack.ts";
import { startLocalStackCore } from "../infra/local/cloud/localstack.ts";
import { lookInto, repositoryOf } from "../infra/local/look.ts";
import { startCloud } from "./support/cloud.ts";

let cloud: CloudStack;
beforeAll(async () => {
  cloud = await startCloud({ startEmulator: startLocalStackCore });
}, 240_000);
afterAll(() => cloud?.stop(), 300_000);

it("on LocalStack's core in host mode, the deployed functions take a person from their URL to a git clone", async () => {
  const { status, delivery } = await cloud.send({ type: "server.spawning", user: "ada" });
  expect(status).toBe(202);
  const journey = await cloud.follow(delivery, 100_000);
  expect(journey).toMatchObject({ isDone: true });
  const { cloneUrl = "" } = repositoryOf(journey, cloud.giteaUrl) ?? {};
  const clone = await lookInto(cloneUrl, { dir: "/tmp", user: "ada", password: "ada-password" });
  expect(clone.author).toBe("Ada Lovelace <ada@uni.example>");
}, 300_000);
