import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { requireDeployable } from "../infra/deploy/stack-state.ts";
import { findPython } from "../infra/local/cloud/python.ts";
import { readFlags } from "../infra/local/start-flags.ts";
import { CLOSED_PORT } from "./support/ports.ts";

const ROOT = new URL("..", import.meta.url);
const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
});

/** `npm run deploy -- …` in a shell that has only these variables. */
async function deploy(environment: Record<string, string>, ...words: string[]) {
  const { PATH = "" } = before;
  const env = { PATH, HOME: "/nowhere", AWS_EC2_METADATA_DISABLED: "true", ...environment };
  const done = promisify(execFile)(process.execPath, ["infra/deploy/deploy.ts", ...words], { cwd: ROOT, env });
  return await done.then(
    ({ stdout }) => ({ code: 0, stderr: "", stdout }),
    (error: { code: number; stderr: string; stdout: string }) => error,
  );
}

const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

describe("npm run deploy, before it changes anything", () => {
  it("names what is missing when there are no credentials", async () => {
    const { code, stderr } = await deploy({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^hubforge: no AWS credentials .*: set AWS_PROFILE, or AWS_ACCESS_KEY_ID/);
  });

  it("says where nobody answers", async () => {
    const endpoint = `http://127.0.0.1:${CLOSED_PORT}`;
    const { code, stderr } = await deploy({ ...KEYS, AWS_ENDPOINT_URL: endpoint });
    expect(code).toBe(1);
    expect(stderr).toContain(`AWS_ENDPOINT_URL is ${endpoint}, and nobody answers there`);
  });

  it("misses the file of a stage that has none, and refuses words it does not know", async () => {
    expect((await deploy(KEYS, "--stage", "nope")).stderr).toContain("infra/stages/nope.yml cannot be read: copy");
    expect((await deploy(KEYS, "--force")).stderr).toContain("usage: npm run deploy --");
    expect((await deploy(KEYS, "--stage", "Prod!")).stderr).toContain('--stage "Prod!"');
  });

  it.each([
    ["ROLLBACK_COMPLETE", "npm run remove -- --stage prod, then deploy again"],
    ["UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name hubforge-prod"],
    ["UPDATE_IN_PROGRESS", "wait until it is done"],
  ])("does not touch a stack in %s, and says the way out and what failed", (status, remedy) => {
    const failures = ["IngressLambdaFunction CREATE_FAILED: no such bucket"];
    const look = () => requireDeployable({ stage: "prod", region: "x" }, { status, outputs: {}, failures });
    expect(look).toThrow(remedy);
    expect(look).toThrow("IngressLambdaFunction CREATE_FAILED: no such bucket");
  });

  it.each(["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", undefined])(
    "goes on from %s",
    (status) => {
      expect(() => requireDeployable({ stage: "x", region: "x" }, { status, outputs: {}, failures: [] })).not.toThrow();
    },
  );
});

describe("npm start -- --cloud", () => {
  it("takes an emulator's name, and only after --cloud", () => {
    expect(readFlags(["--cloud"])).toMatchObject({ cloud: "ministack" });
    expect(readFlags(["--cloud", "localstack", "--once"])).toMatchObject({ cloud: "localstack", once: true });
    expect(readFlags(["localstack"])).toBe("unexpected: localstack");
    expect(readFlags(["--cloud", "moto"])).toBe("unexpected: moto");
  });

  it("says which Python it wants where there is none, and that it goes without", async () => {
    process.env["PATH"] = "/nowhere";
    await expect(findPython({ from: [3, 10], to: [3, 14] }, "npm start without --cloud")).rejects.toThrow(
      "Python 3.10 to 3.14 with venv is missing on this machine. On Debian: sudo apt-get install -y python3-venv. npm start without --cloud needs no Python",
    );
  });
});

it("the compose file pins every image, and offers nothing beyond loopback", async () => {
  const Compose = z.object({
    services: z.record(z.string(), z.object({ image: z.string().regex(/:\d/), ports: z.array(z.string()) })),
  });
  const text = await readFile(new URL("infra/local/compose.yml", ROOT), "utf8");
  const { services } = Compose.parse(parse(text));
  expect(Object.keys(services)).toEqual(["localstack", "gitea", "openldap", "jupyterhub"]);
  for (const { ports } of Object.values(services)) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
});
