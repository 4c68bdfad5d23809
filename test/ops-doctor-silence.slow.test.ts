import { afterAll, beforeAll, expect, it } from "vitest";
import { type DoctorStack, expectFailed, startDoctorStack } from "./support/doctor.ts";
import { runOps } from "./support/ops.ts";
import { startSilence } from "./support/ports.ts";

let stack: DoctorStack;
beforeAll(async () => {
  stack = await startDoctorStack();
}, 60_000);
afterAll(() => stack.stop());

it("ends in time, and with every reason, where everybody takes the question and says nothing", async () => {
  await using silence = await startSilence();
  const { url } = silence;
  const startedAt = Date.now();
  const deaf = { AWS_ENDPOINT_URL: url, GITEA_URL: url, LDAP_URLS: url.replace("http", "ldap") };
  const found = await stack.visit(deaf, { ingress: url });
  expect(Date.now() - startedAt).toBeLessThan(40_000);
  const queues = stack.queues.map(({ queue }) => `queue ${queue}`);
  expectFailed(found, ...queues, "Gitea reachable", "LDAP bind", "ingress reachable");
  expect(found.row("queue team").finding).toContain("queue hubforge-local-team.fifo does not answer (AbortError)");
}, 60_000);

it("ends at once on Ctrl-C, and says that nothing was changed", async () => {
  await using silence = await startSilence();
  const environment = { ...process.env, GITEA_URL: silence.url };
  const words = ["doctor", "--ingress", silence.url];
  const { code, stdout, stderr } = await runOps(words, { environment, signal: AbortSignal.timeout(1_500) });
  expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
  expect(stderr).toBe("hubforge: interrupted; nothing was changed\n");
});
