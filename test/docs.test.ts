import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SETTING_NAMES } from "#shared/config.ts";
import { parameterName } from "../infra/stage-names.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGES = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { cwd: ROOT, encoding: "utf8" })
  .split("\n")
  .filter((page) => page !== "" && existsSync(join(ROOT, page)));
const read = (page: string) => readFileSync(join(ROOT, page), "utf8");
const { scripts } = JSON.parse(read("package.json"));

describe.each(PAGES)("%s", (page) => {
  const text = read(page);

  it("links only to what is there", () => {
    const links = Array.from(text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g), ([, link = ""]) => link);
    const broken = links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(ROOT, dirname(page), link)));
    expect(broken).toEqual([]);
  });

  it("names only scripts that package.json has", () => {
    const named = Array.from(text.matchAll(/npm run (?:-s |--silent )?([a-z][\w:-]*)/g), ([, script = ""]) => script);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });
});

describe("README.md", () => {
  it("has at most 200 lines", () => {
    expect(read("README.md").split("\n").length).toBeLessThanOrEqual(201);
  });

  it("names every setting, and no other", () => {
    const [, section = ""] = /\n## Settings\n([\s\S]*?)\n## /.exec(read("README.md")) ?? [];
    const rows = section.split("\n").filter((line) => line.startsWith("|"));
    const named = rows.flatMap((row) => Array.from(row.matchAll(/`([A-Z][A-Z_]+)`/g), ([, name = ""]) => name));
    expect([...new Set(named)].toSorted()).toEqual([...SETTING_NAMES].toSorted());
  });
});

describe("infra/README.md", () => {
  it("makes of the example a stage's file whose secrets are all that stage's", () => {
    const [line = "", expression = ""] =
      /^ {4}sed (\S+) infra\/stages\/dev\.yml > infra\/stages\/prod\.yml/m.exec(read("infra/README.md")) ?? [];
    expect(line).not.toBe("");
    const made = execFileSync("sed", [expression, "infra/stages/dev.yml"], { cwd: ROOT, encoding: "utf8" });
    const names = [...made.matchAll(/^\w+: ssm:(.*)$/gm)].map(([, name = ""]) => name);
    expect(names.toSorted()).toEqual(
      ["WEBHOOK_SECRETS", "GITEA_TOKEN", "LDAP_BIND_PASSWORD"]
        .map((setting) => parameterName("prod", setting))
        .toSorted(),
    );
    for (const name of names) expect(read("infra/README.md")).toContain(`--name ${name} --value`);
  });
});
