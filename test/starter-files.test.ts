import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { cleanPath } from "#shared/git-objects.ts";
import { inMarkdown, inPython } from "../functions/templates/bundled/person.ts";
import { starterFiles } from "../functions/templates/starter-files.ts";

const ada = {
  username: "ada",
  fullName: "Ada Lovelace",
  repository: "jupyterhub-ada",
  livyUrl: "http://livy.uni.example:9888",
};
const eve = {
  username: `e"v\\e`,
  fullName: `Eve "\\" '''\n# Big <img src=x onerror=alert(1)> [x](javascript:1) $x$ \`rm\` www.evil.example {ada} \u202e%%bash\u2028!ls`,
  repository: `jupyterhub-"\\n|`,
  livyUrl: `http://livy.uni.example:9888/"\\q`,
};

/** What nbformat 4.5's JSON schema asks of a notebook that has not run (nbformat.v4.5.schema.json). */
const Source = z.array(z.string());
const CellId = z.string().regex(/^[a-zA-Z0-9-_]{1,64}$/);
const CodeCell = z.strictObject({
  id: CellId,
  cell_type: z.literal("code"),
  metadata: z.strictObject({}),
  execution_count: z.null(),
  outputs: z.tuple([]),
  source: Source,
});
const MarkdownCell = z.strictObject({
  id: CellId,
  cell_type: z.literal("markdown"),
  metadata: z.strictObject({}),
  source: Source,
});
const Notebook = z.strictObject({
  cells: z.array(z.discriminatedUnion("cell_type", [CodeCell, MarkdownCell])).min(1),
  metadata: z.strictObject({
    kernelspec: z.strictObject({ name: z.string(), display_name: z.string(), language: z.literal("python") }),
    language_info: z.strictObject({ name: z.literal("python") }),
  }),
  nbformat: z.literal(4),
  nbformat_minor: z.literal(5),
});

/** The keys of sparkmagic/utils/configuration.py in 0.23.0. */
const Endpoint = z.strictObject({
  username: z.literal(""),
  password: z.literal(""),
  url: z.string(),
  auth: z.enum(["None", "Basic_Access", "Kerberos"]),
});
const SparkmagicConfig = z.strictObject({
  kernel_python_credentials: Endpoint,
  kernel_scala_credentials: Endpoint,
  kernel_r_credentials: Endpoint,
  session_configs: z.strictObject({
    driverMemory: z.string().regex(/^\d+[mg]$/),
    executorMemory: z.string().regex(/^\d+[mg]$/),
    executorCores: z.int(),
    numExecutors: z.int(),
  }),
  livy_session_startup_timeout_seconds: z.int(),
  cleanup_all_sessions_on_exit: z.boolean(),
});

const textOf = (person: typeof ada, path: string) => {
  const found = starterFiles(person).find((file) => file.path === path);
  return new TextDecoder("utf-8", { fatal: true }).decode(found?.content);
};
const notebooks = ["IlumIntro.ipynb", "examples/spark-pi.ipynb", "examples/sparkmagic.ipynb"];
const cellsOf = (person: typeof ada, path: string) => Notebook.parse(JSON.parse(textOf(person, path))).cells;

describe("the starter files", () => {
  it("are these, in this order, the same bytes each time", () => {
    expect(starterFiles(ada).map((file) => file.path)).toEqual([
      "README.md",
      "IlumIntro.ipynb",
      "examples/spark-pi.ipynb",
      "examples/sparkmagic.ipynb",
      ".sparkmagic/config.json",
      "work/README.md",
      ".gitignore",
    ]);
    expect(starterFiles(ada)).toEqual(starterFiles({ ...ada }));
  });

  it("have paths that Gitea stores as they are, each its own", () => {
    const paths = starterFiles(ada).map((file) => file.path);
    expect(paths.map(cleanPath)).toEqual(paths);
    expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
  });

  it("greet the person by name, or by username where the directory has no name", () => {
    expect(textOf(ada, "README.md")).toContain("# Notebooks of Ada Lovelace\n");
    expect(textOf(ada, "IlumIntro.ipynb")).toContain("# Welcome, Ada Lovelace\\n");
    expect(textOf({ ...ada, fullName: " " }, "README.md")).toContain("# Notebooks of ada\n");
    expect(textOf(ada, "README.md")).toContain("jupyterhub-ada");
  });

  it("are text that ends in a newline, without a placeholder left over", () => {
    for (const { path } of starterFiles(ada)) {
      expect(textOf(ada, path)).toMatch(/[^\n]\n$/);
      expect(textOf(ada, path)).not.toMatch(/undefined|\$\{|\{\{|TODO/);
    }
  });

  it("keep out of Git what a notebook server leaves behind", () => {
    expect(textOf(ada, ".gitignore").split("\n")).toEqual(
      expect.arrayContaining([".ipynb_checkpoints/", ".sparkmagic/logs/", "__pycache__/"]),
    );
  });
});

describe.each([
  ["Ada", ada],
  ["Eve, whose names are weapons", eve],
])("the notebooks of %s", (_name, person) => {
  it.each(notebooks)("%s is valid nbformat 4.5, with an id for each cell", (path) => {
    const ids = cellsOf(person, path).map((cell) => cell.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(notebooks)("%s holds only lines, each ended but the last", (path) => {
    for (const { source } of cellsOf(person, path)) {
      for (const [place, line] of source.entries())
        expect(line.indexOf("\n")).toBe(place < source.length - 1 ? line.length - 1 : -1);
    }
  });

  it("have code that Python compiles", () => {
    const programs = notebooks.flatMap((path) =>
      cellsOf(person, path).flatMap((cell) => (cell.cell_type === "code" ? pythonOf(cell.source) : [])),
    );
    expect(programs.length).toBeGreaterThan(10);
    python("import json, sys\nfor program in json.load(sys.stdin): compile(program, 'cell', 'exec')", programs);
  });

  it("have the same cells as anybody's; only literals differ", () => {
    for (const path of notebooks) {
      const shape = (who: typeof ada) => cellsOf(who, path).map(({ id, source }) => [id, source.length]);
      expect(shape(person)).toEqual(shape(ada));
    }
  });

  it("reach Spark where the platform has it", () => {
    const config = SparkmagicConfig.parse(JSON.parse(textOf(person, ".sparkmagic/config.json")));
    expect(config.kernel_python_credentials.url).toBe(person.livyUrl);
    for (const path of notebooks) {
      const cell = cellsOf(person, path).find(({ source }) => source.some((line) => line.startsWith("livy_url =")));
      const literal = cell?.source.find((line) => line.startsWith("livy_url ="))?.slice("livy_url =".length);
      expect(evaluate([literal ?? ""])).toEqual([person.livyUrl]);
    }
  });
});

describe("a name", () => {
  const names = fc.sample(
    fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme-ascii", maxLength: 30 })),
    300,
  );
  const asOneLine = (name: string) => name.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, " ");

  it("is in Python the same name, never code", () => {
    expect(evaluate(names.map(inPython))).toEqual(names.map(asOneLine));
  });

  it("is in Markdown plain text: what could be markup is an entity, and it reads as the name", () => {
    for (const name of [...names, eve.fullName]) {
      const text = inMarkdown(name);
      expect(text).not.toMatch(/[\\`*_{}[\]()+!|<>~$":@/^=\n]|&(?!#\d+;)|(?<!&)#|www\.\w/);
      expect(text.replace(/&#(\d+);/g, (_entity, number) => String.fromCharCode(Number(number)))).toBe(asOneLine(name));
    }
  });
});

/** The Python in a cell: lines of magic are IPython's, and SQL is not Python. */
function pythonOf(source: string[]): string[] {
  const [first = ""] = source;
  if (first.startsWith("%%spark") && first.includes("--context sql")) return [];
  return [source.filter((line) => !/^[%!]/.test(line)).join("")];
}

function evaluate(literals: string[]): unknown {
  const output = python(
    "import ast, json, sys\nprint(json.dumps([ast.literal_eval(text.strip()) for text in json.load(sys.stdin)]))",
    literals,
  );
  return JSON.parse(output);
}

function python(program: string, input: unknown): string {
  return execFileSync("python3", ["-c", program], { input: JSON.stringify(input), encoding: "utf8" });
}
