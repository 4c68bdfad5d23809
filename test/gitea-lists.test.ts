import { describe, expect, it } from "vitest";
import { listAll } from "#shared/gitea/list-all.ts";

type Row = { id: number };
const rows = (from: number, to: number): Row[] =>
  Array.from({ length: to - from + 1 }, (_, place) => ({ id: from + place }));

/** A list of 50 a page; `change` happens between its first page and the rest. */
function listing(first: Row[], change: (rows: Row[]) => Row[], { hasTotal = true } = {}) {
  const request = { method: "GET", path: "/admin/users" };
  return listAll(async (page) => {
    const now = page === 1 ? first : change(first);
    const items = now.slice((page - 1) * 50, page * 50);
    const totalCount = hasTotal ? now.length : undefined;
    return { answer: { totalCount, request }, items };
  });
}

describe("a long list that moves while it is read", () => {
  it("is complete when it did not", async () => {
    for (const hasTotal of [true, false]) {
      const { items, hasMoved } = await listing(rows(1, 120), (same) => same, { hasTotal });
      expect([items.length, hasMoved]).toEqual([120, false]);
    }
  });

  it("says so where a row came in front and another went, though the total is the same", async () => {
    const moved = await listing(rows(2, 121), (before) => [{ id: 1 }, ...before.slice(0, -1)]);
    expect(moved.hasMoved).toBe(true);
    expect(moved.items).toHaveLength(119);
  });

  it("says so where a row came in front and the total is hidden", async () => {
    const moved = await listing(rows(2, 121), (before) => [{ id: 1 }, ...before], { hasTotal: false });
    expect(moved.hasMoved).toBe(true);
    expect(new Set(moved.items.map(({ id }) => id)).size).toBe(120);
  });

  it("cannot say so where a row went in front and another came at the end: one of them was not seen", async () => {
    const { items, hasMoved } = await listing(rows(1, 120), (before) => [...before.slice(1), { id: 121 }]);
    expect([items.length, hasMoved]).toEqual([120, false]);
    expect(items.some(({ id }) => id === 51)).toBe(false);
  });
});
