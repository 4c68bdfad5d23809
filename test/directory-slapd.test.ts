import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startSlapd } from "../infra/local/slapd.ts";
import { identityOf, newPerson, startTestSlapd } from "./support/slapd.ts";

const newFolder = async () => {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-slapd-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

describe("the local slapd", () => {
  it("runs beside others, each with its own people", async () => {
    const [one, other] = await Promise.all([startTestSlapd(), startTestSlapd()]);
    onTestFinished(async () => {
      await Promise.all([one.stop(), other.stop()]);
    });
    await one.modify(newPerson("only-here"));
    expect(await identityOf(one, "only-here")).toMatchObject({ username: "only-here" });
    await expect(identityOf(other, "only-here")).rejects.toThrow(/nobody/);
  });

  it("keeps people and ids over a restart on the same folder", async () => {
    const dir = await newFolder();
    const first = await startSlapd({ dir });
    await first.modify(newPerson("newcomer"));
    const before = await identityOf(first, "newcomer");
    await first.stop();
    const second = await startSlapd({ dir });
    onTestFinished(() => second.stop());
    expect(await identityOf(second, "newcomer")).toEqual(before);
  });

  it("says so when its port is taken, instead of taking the other server for itself", async () => {
    const first = await startTestSlapd();
    onTestFinished(() => first.stop());
    const clash = startSlapd({ dir: await newFolder(), port: Number(new URL(first.url).port) });
    await expect(clash).rejects.toThrow(/did not start on [\s\S]*Address already in use/);
  });

  it("begins anew in a folder whose first start died half way", async () => {
    const dir = await newFolder();
    await mkdir(join(dir, "db"));
    await writeFile(join(dir, "db", "data.mdb"), "half a database");
    const slapd = await startSlapd({ dir });
    onTestFinished(() => slapd.stop());
    expect(await identityOf(slapd, "ada")).toMatchObject({ username: "ada" });
  });

  it("tells slapd's own words about a configuration it does not take", async () => {
    const start = startSlapd({ dir: await newFolder(), config: "no-such-directive x" });
    await expect(start).rejects.toThrow(/no-such-directive/);
  });
});
