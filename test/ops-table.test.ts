import { describe, expect, it } from "vitest";
import { readLetter } from "../infra/ops/letters/letter.ts";
import { planReplay } from "../infra/ops/letters/plan-replay.ts";
import { widthOf } from "../infra/ops/output/inert.ts";
import { letterColumns } from "../infra/ops/output/letter-views.ts";
import { GROUP_COLUMNS } from "../infra/ops/output/replay-views.ts";
import { table } from "../infra/ops/output/table.ts";
import { letterOf } from "./support/letters.ts";

const REASON = "POST /orgs/ilum-jupyterhub/repos answered 400: the disk is full, says the admin of it, \u6b63";
const now = new Date("2026-11-24T11:30:00Z");
const letters = ["ada", "somebody-with-a-rather-long-name"].map((user, index) => {
  const failure = letterOf(user, { stage: "repository", code: "gitea.refused", reason: REASON });
  return readLetter(JSON.stringify(failure), { messageId: `m${index}`, sentAt: now });
});

describe("a table of letters", () => {
  it.each([60, 80, 100])("in %i columns has the reason below each letter", (width) => {
    const lines = table(letters, letterColumns(now), width);
    expect(lines).toHaveLength(1 + 2 * letters.length);
    expect(lines[0]).toMatch(/^ID +PERSON +STAGE +CLASS +CODE +FAILED +REPLAYS$/);
    for (const place of [2, 4]) expect(lines[place]).toContain(`  ${REASON.slice(0, 50)}`);
    if (width >= 80) for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  it("in 160 columns has it beside them", () => {
    const lines = table(letters, letterColumns(now), 160);
    expect(lines).toHaveLength(1 + letters.length);
    expect(lines[0]).toMatch(/REPLAYS +REASON$/);
    expect(lines[1]).toContain(REASON.slice(0, 30));
  });

  it("has a short reason beside them where there is room for all of it", () => {
    const [first] = letters;
    const lines = table(first ? [{ ...first, reason: "no" }] : [], letterColumns(now), 90);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/ no$/);
  });

  it("of a plan shows the reason at 80 columns as well", () => {
    const lines = table(planReplay(letters, letters).groups, GROUP_COLUMNS, 70);
    expect(lines.filter((line) => line.includes(REASON.slice(0, 30)))).toHaveLength(2);
  });
});
