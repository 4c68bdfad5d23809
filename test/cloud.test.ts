import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { giteaSettings } from "../infra/local/cloud/cloud-stack.ts";
import { installLocalStack, startLocalStackCore } from "../infra/local/cloud/localstack.ts";
import { findPython } from "../infra/local/cloud/python.ts";
import { openRelay } from "../infra/local/cloud/relay.ts";
import { readFlags } from "../infra/local/start-flags.ts";
import { CLOSED_PORT } from "./support/ports.ts";

const ROOT = new URL("..", import.meta.url);
const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
});

describe("npm start -- --cloud", () => {
  it("takes an emulator's name, and only after --cloud", () => {
    expect(readFlags(["--cloud"])).toMatchObject({ cloud: "ministack" });
    expect(readFlags(["--cloud", "localstack", "--once"])).toMatchObject({ cloud: "localstack", once: true });
    expect(readFlags(["localstack"])).toBe("unexpected: localstack");
    expect(readFlags(["--cloud", "moto"])).toBe("unexpected: moto");
  });

  it("never syncs the small university into somebody else's Gitea", () => {
    expect(giteaSettings(undefined, "https://git.uni.example")).toMatchObject({ STACK_SYNC: "false" });
    expect(giteaSettings({ token: "t", sourceId: 2 }, "http://127.0.0.1:1")).not.toHaveProperty("STACK_SYNC");
  });

  it("has a door that no odd request ends, and that says 503 until it leads somewhere", async () => {
    const relay = await openRelay();
    onTestFinished(() => relay.stop());
    const port = Number(new URL(relay.url).port);
    const ask = async (path: string) => {
      const socket = connect(port, "127.0.0.1").setEncoding("utf8");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      return (await socket.toArray()).join("").split("\r\n")[0];
    };
    expect(await ask("/v1/events")).toBe("HTTP/1.1 503 Service Unavailable");
    relay.lead(new Map([["/v1/events", { url: `http://127.0.0.1:${CLOSED_PORT}` }]]));
    for (const odd of ["//", "///x", "http://[", "/%", "*"]) expect(await ask(odd)).toBe("HTTP/1.1 404 Not Found");
    expect(await ask("/v1/events?x")).toBe("HTTP/1.1 502 Bad Gateway");
  });

  it.each([`http://127.0.0.1:${CLOSED_PORT}`, "localhost:4566/x", "nowhere"])(
    "says that no LocalStack answers at AWS_ENDPOINT_URL, here %s, and what to do",
    async (endpoint) => {
      process.env["AWS_ENDPOINT_URL"] = endpoint;
      await expect(startLocalStackCore({ dir: "/nowhere", say: () => undefined })).rejects.toThrow(
        new RegExp(
          `^AWS_ENDPOINT_URL is ${endpoint}, and no LocalStack answers there \\(.+\\): start it, or unset AWS_ENDPOINT_URL to have its open core run here$`,
        ),
      );
    },
  );

  it("says which Python it wants where there is none, and that it goes without", async () => {
    process.env["PATH"] = "/nowhere";
    await expect(findPython({ from: [3, 10], to: [3, 14] }, "npm start without --cloud")).rejects.toThrow(
      "Python 3.10 to 3.14 with venv is missing on this machine. On Debian: sudo apt-get install -y python3-venv. npm start without --cloud needs no Python",
    );
  });
});

describe("the Python of an emulator", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "hubforge-python-"));
    process.env["PATH"] = dir;
    process.env["XDG_CACHE_HOME"] = dir;
  });
  afterEach(() => rm(dir, { recursive: true }));

  /** It says its version, and can do nothing else. */
  const put = (name: string, minor: number) =>
    writeFile(join(dir, name), `#!/bin/sh\n[ "$1" = -c ] && echo "$0 3 ${minor}"\n`, { mode: 0o755 });

  it.each([10, 11, 12, 13, 14])("is found by its own name, python3.%i, beside an older python3", async (minor) => {
    await put("python3", 9);
    await put(`python3.${minor}`, minor);
    const found = await findPython({ from: [3, 10], to: [3, 14] });
    expect(found).toEqual({ program: join(dir, `python3.${minor}`), version: [3, minor] });
  });

  it("decides which core of LocalStack is installed; that one fails is no reason for the other", async () => {
    await expect(installLocalStack(() => undefined)).rejects.toThrow("Python 3.11 to 3.13 with venv is missing");
    await put("python3.12", 12);
    await expect(installLocalStack(() => undefined)).rejects.toThrow(
      /^localstack-core-4\.13\.1 could not be installed/,
    );
    await put("python3.13", 13);
    await expect(installLocalStack(() => undefined)).rejects.toThrow(
      /^localstack-core-2026\.3\.0 could not be installed/,
    );
  });
});

it("the compose file has names that Compose knows, pins every image, and offers nothing beyond loopback", async () => {
  const Service = z.strictObject({
    image: z.string().regex(/:\d/),
    ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
    network_mode: z.literal("host").optional(),
    command: z.string().optional(),
    environment: z.record(z.string(), z.string()).optional(),
    configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).optional(),
    volumes: z.array(z.string()).optional(),
  });
  const Compose = z.strictObject({
    services: z.record(z.string(), Service),
    configs: z.record(z.string(), z.strictObject({ content: z.string() })),
    networks: z.strictObject({ default: z.strictObject({ name: z.string() }) }),
    volumes: z.record(z.string(), z.null()),
  });
  const text = await readFile(new URL("infra/local/compose.yml", ROOT), "utf8");
  const { services, configs, networks, volumes } = Compose.parse(parse(text));
  expect(Object.keys(services)).toEqual(["localstack", "gitea", "openldap", "jupyterhub"]);
  expect(services["localstack"]?.environment?.["LAMBDA_DOCKER_NETWORK"]).toBe(networks.default.name);
  for (const service of Object.values(services)) {
    for (const { source } of service.configs ?? []) expect(Object.keys(configs)).toContain(source);
    const named = (service.volumes ?? [])
      .map((volume) => volume.split(":")[0] ?? "")
      .filter((name) => /^\w/.test(name));
    for (const name of named) expect(Object.keys(volumes)).toContain(name);
  }
  // On the host's own network it is the configuration that keeps it on loopback.
  const addresses = [...(configs["hub"]?.content ?? "").matchAll(/bind_url = "(.*)"/g)].map(([, url]) => url);
  expect(addresses).toEqual(["http://127.0.0.1:8000", "http://127.0.0.1:8081"]);
});
