import { describe, expect, it } from "vitest";
import { runOps } from "./support/ops.ts";

/** Nothing listens there: a command line that is wrong must be refused before anybody is asked. */
const environment = { QUEUE_URL_DEAD_LETTERS: "http://127.0.0.1:9/000000000000/none" };

const usage = async (line: string, more: Partial<Parameters<typeof runOps>[1]> = {}) => {
  const run = await runOps(line.split(" "), { environment, ...more });
  expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 2, stdout: "" });
  return run.stderr;
};

describe("a wrong command line is said on stderr, ends with 2, and names what was perhaps meant", () => {
  it.each([
    ["dead-letter list", "Did you mean dead-letters?"],
    ["dead-letters lst", "Did you mean list?"],
    ["dead-letters list --usr ada", "Did you mean --user?"],
    ["dead-letters list --user", "argument missing"],
    ["dead-letters list --stage identiy", "did you mean identity?"],
    ["dead-letters list --class permanant", "did you mean permanent?"],
    ["dead-letters list --since yesterday", '"yesterday" is no time'],
    ["dead-letters list --since 2026-02-31", '"2026-02-31" is no time'],
    ["dead-letters list --until 25:00", '"25:00" is no time'],
    ["dead-letters list --since 1h --until 2h", "--since lies after --until"],
    ["dead-letters list --limit 0", "--limit"],
    ["dead-letters list --limit many", "--limit"],
    ["dead-letters replay --rate fast", '--rate "fast"'],
    ["dead-letters replay --rate 0", '--rate "0"'],
    ["dead-letters replay --concurrency -1", '--concurrency "-1"'],
    ["dead-letters replay --hold 0", "--hold"],
    ["dead-letters discard --execute --yes", "--all"],
    ["dead-letters discard --anyway", "unknown option '--anyway'"],
    ["dead-letters export --limit 3", "unknown option '--limit'"],
    ["accounts link", "missing required argument 'user'"],
    ["accounts lnk ada", "Did you mean link?"],
    ["trace", "missing required argument 'who'"],
    ["dead-letters list --stage repo", "did you mean repository?"],
    ["lab fail donw", "did you mean down?"],
    ["lab fail down --method POTS", "did you mean POST?"],
    ["queues everywhere", "too many arguments"],
    ["--deployment ../x queues", "is no stage's name"],
  ])("%s", async (line, hint) => {
    const stderr = await usage(line);
    expect(stderr).toContain(hint);
    expect(stderr).toContain("sage: hubforge");
  });

  it("a group without a verb shows its verbs", async () => {
    expect(await usage("dead-letters")).toMatch(/list .*\n.*show/s);
  });
});

describe("a filter without a value is usage: an unset variable must not mean every letter", () => {
  it.each(["user", "stage", "code", "class", "since", "until", "id", "limit"])("--%s", async (name) => {
    for (const value of ["", " "]) {
      const words = ["dead-letters", "discard", `--${name}`, value, "--execute", "--yes"];
      const { code, stdout, stderr } = await runOps(words, { environment });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain(`--${name} is empty`);
    }
  });

  it("also as one of several, and as a word of show", async () => {
    expect(await usage("dead-letters list --id abc --id ")).toContain("--id is empty");
    expect(await usage("dead-letters show ")).toContain("--id is empty");
    expect(await usage("trace ")).toContain("whose way?");
  });
});

describe("help", () => {
  it.each(["--help", "dead-letters --help", "dead-letters replay --help", "lab fail --help"])("%s", async (line) => {
    const { code, stdout, stderr } = await runOps(line.split(" "), { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Usage: hubforge");
    expect(stdout).toContain("--deployment");
  });

  it("names the classes that a letter can have, and no option that does nothing", async () => {
    const { stdout } = await runOps(["dead-letters", "discard", "--help"], { environment });
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("--class <class> permanent, exhausted, crash, unknown");
    expect(stdout).not.toContain("--anyway");
  });
});

describe("an address that is none is named, in one sentence", () => {
  const QUEUE_URL_DEAD_LETTERS = environment.QUEUE_URL_DEAD_LETTERS.replace("none", "hubforge-prod-dead-letters");
  it.each([
    ["dead-letters list", { QUEUE_URL_DEAD_LETTERS }],
    ["queues", { QUEUE_URL_DEAD_LETTERS }],
    ["trace ada", { QUEUE_URL_DEAD_LETTERS }],
    ["--deployment prod dead-letters list", {}],
  ])("%s", async (line, more) => {
    for (const AWS_ENDPOINT_URL of ["nonsense", "localhost:4566"]) {
      const { code, stdout, stderr } = await runOps(line.split(" "), { environment: { ...more, AWS_ENDPOINT_URL } });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toBe(
        `hubforge: AWS_ENDPOINT_URL "${AWS_ENDPOINT_URL}" is no address: say e.g. http://127.0.0.1:4566, or leave it out for AWS itself\n`,
      );
    }
  });
});

describe("a queue that cannot be asked is said in one sentence, and ends with 1", () => {
  const sentence = async (wrong: Record<string, string | undefined>) => {
    const { code, stdout, stderr } = await runOps(["dead-letters", "list"], { environment: wrong });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    return stderr;
  };

  it("when nothing listens there", async () => {
    const url = "http://127.0.0.1:9/000000000000/hubforge-x-dead-letters";
    const stderr = await sentence({ QUEUE_URL_DEAD_LETTERS: url, AWS_ENDPOINT_URL: "http://127.0.0.1:9" });
    expect(stderr).toContain("queue hubforge-x-dead-letters does not answer (ECONNREFUSED): check AWS_ENDPOINT_URL");
  });
});
