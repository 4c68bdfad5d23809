import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";
import { readStageFile } from "../infra/deploy/stage-file.ts";
import { writeNew } from "../infra/ops/commands/import-values.ts";
import { runOps } from "./support/ops.ts";

const EXAMPLE = new URL("../infra/import-values/example-values.yaml", import.meta.url);
const PUT = "aws ssm put-parameter --type SecureString --overwrite --name /hubforge/uni";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "hubforge-values-"));
});
afterAll(() => rm(dir, { recursive: true }));

async function importing(text: string, ...words: string[]) {
  const path = join(dir, `values-${crypto.randomUUID()}.yaml`);
  await writeFile(path, text);
  return await runOps(["import-values", path, ...words], { environment: {} });
}

const example = () => readFile(EXAMPLE, "utf8");

describe("hubforge import-values", () => {
  it("prints a stage's file that can be deployed, and everything else beside it", async () => {
    const { code, stdout, stderr } = await importing(await example(), "--stage", "uni");
    expect(code).toBe(0);
    const path = join(dir, "uni.yml");
    await writeFile(path, stdout);
    expect(readStageFile(path).settings).toEqual(parse(stdout));
    expect(stderr).toContain(
      `  kubectl get secret ilum-git-credentials -o 'go-template={{index .data "gitea-admin" | base64decode}}' | ${PUT}/gitea-username --value file:///dev/stdin\n`,
    );
    expect(stderr).toContain(`{{index .data "gitea-admin-password" | base64decode}}' | ${PUT}/gitea-password `);
    expect(stderr).toContain(`SECRET="whsec_$(openssl rand -base64 32)"`);
    expect(stderr).toContain(`printf '{"default":["%s"]}' "$SECRET" | aws ssm put-parameter `);
    expect(stderr).toContain("\nNot used:\n");
    expect(stderr).toContain("  postgresql.enabled: hubforge has no setting for it\n");
    expect(stderr).not.toContain("-key: hubforge has no setting");
  });

  it("keeps a password that stands in the values as text out of everything it says, and asks for it to be pasted", async () => {
    const { code, stdout, stderr } = await importing(
      "ilum-jupyterhub: { git: { address: 'http://git', username: ilumadmin, password: hunter2 } }",
      "--stage=uni",
    );
    expect(code).toBe(4); // LDAP is missing
    expect(parse(stdout)).toMatchObject({
      GITEA_USERNAME: "ssm:/hubforge/uni/gitea-username",
      GITEA_PASSWORD: "ssm:/hubforge/uni/gitea-password",
    });
    const paste = "  # ilum-jupyterhub.git.password holds it as plain text: paste it, then Ctrl-D twice\n";
    expect(stderr).toContain(`${paste}  ${PUT}/gitea-password --value file:///dev/stdin\n`);
    expect(stderr).toContain("Still wrong: LDAP_BASE: is missing");
    expect(stdout + stderr).not.toContain("hunter2");
  });

  it.each([
    [["--stage", "Prod!"], '--stage "Prod!": lower case letters, digits and -'],
    [[], "it holds several documents (---): give it one"],
  ])("says what is wrong with the words or the file: %j", async (words, sentence) => {
    const { code, stdout, stderr } = await importing("a: 1\n---\nb: 2\n", ...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(sentence);
  });

  it("misses a file by its name", async () => {
    const { code, stderr } = await runOps(["import-values", "/nowhere/values.yaml"], { environment: {} });
    expect([code, stderr]).toEqual([2, expect.stringContaining("/nowhere/values.yaml cannot be read: ENOENT")]);
  });

  it("writes the stage's file once, and never over one that is there", async () => {
    const stage = `test-${crypto.randomUUID().slice(0, 8)}`;
    const file = new URL(`../infra/stages/${stage}.yml`, import.meta.url);
    onTestFinished(() => rm(file, { force: true }));
    const first = await importing(await example(), "--stage", stage, "--write");
    expect([first.code, first.stdout]).toEqual([0, ""]);
    const written = await readFile(file, "utf8");
    expect(parse(written)).toMatchObject({ GITEA_PASSWORD: `ssm:/hubforge/${stage}/gitea-password` });
    const second = await importing("ilum-jupyterhub: {}", "--stage", stage, "--write");
    expect([second.code, second.stderr]).toEqual([
      2,
      expect.stringContaining(`infra/stages/${stage}.yml is there already`),
    ]);
    expect(await readFile(file, "utf8")).toBe(written);
  });

  it("says any other trouble with writing as it is", () => {
    const nowhere = pathToFileURL(`${dir}/nowhere/`);
    expect(() => writeNew(nowhere, "uni", "")).toThrow(/^infra\/stages\/uni\.yml cannot be written: ENOENT/);
  });
});
