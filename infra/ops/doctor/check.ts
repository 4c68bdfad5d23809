import { why } from "#shared/why.ts";
/** What a look at one thing can come to. A warning leaves all well: somebody may have wanted it so. */
export type Finding = { state: "ok" | "warning" | "failed" | "not applicable"; finding: string; advice?: string };

export type Check = {
  /** As others name it in `needs`. */
  name: string;
  /** Checks without whose success this one could find nothing new. */
  needs?: readonly string[];
  /** What to do when it fails; a finding of its own may know better. */
  advice: string;
  /** Looks and changes nothing. A text is what it found where all is well; what it throws is a failure. */
  look(): Promise<Finding | string>;
};

export type CheckGroup = { group: string; checks: readonly Check[] };

export type Result = {
  group: string;
  check: string;
  state: Finding["state"] | "skipped";
  finding: string;
  advice?: string;
};

export const failed = (finding: string, advice?: string): Finding => ({
  state: "failed",
  finding,
  ...(advice !== undefined && { advice }),
});
export const warning = (finding: string, advice: string): Finding => ({ state: "warning", finding, advice });
export const notApplicable = (why: string): Finding => ({
  state: "not applicable",
  finding: `not applicable here: ${why}`,
});

/** Makes every check that can be made, those that need no other at once. None that fails keeps another from being made. */
export async function runChecks(
  groups: readonly CheckGroup[],
  onResult: (done: number, total: number) => void = () => undefined,
): Promise<Result[]> {
  const all = groups.flatMap(({ group, checks }) => checks.map((check) => ({ group, check })));
  const running = new Map<string, Promise<Result>>();
  let done = 0;
  const result = (name: string): Promise<Result> => {
    const known = running.get(name);
    if (known) return known;
    const found = all.find(({ check }) => check.name === name);
    if (!found) throw new Error(`there is no check ${name}`);
    const { group, check } = found;
    const made = make(check, result).then((finding) => {
      done += 1;
      onResult(done, all.length);
      return { group, check: name, ...finding };
    });
    running.set(name, made);
    return made;
  };
  return await Promise.all(all.map(({ check }) => result(check.name)));
}

type Made = Pick<Result, "state" | "finding" | "advice">;

async function make(check: Check, result: (name: string) => Promise<Result>): Promise<Made> {
  for (const name of check.needs ?? []) {
    const { state, finding } = await result(name);
    if (state === "failed") return { state: "skipped", finding: `skipped: ${name} failed` };
    if (state === "skipped") return { state: "skipped", finding }; // names the one that failed first
  }
  try {
    const finding = await check.look();
    if (typeof finding === "string") return { state: "ok", finding };
    return finding.state === "failed" ? { advice: check.advice, ...finding } : finding;
  } catch (error) {
    return { state: "failed", finding: why(error), advice: check.advice };
  }
}
