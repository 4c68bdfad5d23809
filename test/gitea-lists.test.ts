import { describe, expect, it } from "vitest";
import { listAll } from "#shared/gitea/list-all.ts";

type Row = { id: number };
const rows = (from: number, to: number): Row[] =>
  Array.from({ length: to - from + 1 }, (_, place) => ({ id: from + place }));

type Server = { hasTotal?: boolean; pageSize?: number; isPageIgnored?: boolean };

/** A list of 50 a page; `change` happens between its first page and the rest. */
function listing(first: Row[], change: (rows: Row[]) => Row[], server: Server = {}) {
  const { hasTotal = true, pageSize = 50, isPageIgnored = false } = server;
  const request = { method: "GET", path: "/admin/users" };
  return listAll(async (asked) => {
    const page = isPageIgnored ? 1 : asked;
    const now = page === 1 ? first : change(first);
    const items = now.slice((page - 1) * pageSize, page * pageSize);
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

describe("a long list behind a proxy that hides the total", () => {
  const same = (all: Row[]) => all;

  it.each([0, 30, 50, 100, 120])("ends where nothing follows: %i rows", async (count) => {
    const { items, hasMoved } = await listing(rows(1, count), same, { hasTotal: false });
    expect([items.length, hasMoved]).toEqual([count, false]);
  });

  it("is read to its end where Gitea gives fewer at once than it is asked for", async () => {
    expect((await listing(rows(1, 100), same, { hasTotal: false, pageSize: 30 })).items).toHaveLength(100);
    const told = listing(rows(1, 100), same, { pageSize: 30 });
    await expect(told).rejects.toMatchObject({
      code: "gitea.incomplete",
      message: expect.stringContaining("30 of 50"),
    });
  });

  it.each([20, 50, 120])("is given up where the proxy drops the page from the query: %i rows", async (count) => {
    const reading = listing(rows(1, count), same, { hasTotal: false, isPageIgnored: true });
    await expect(reading).rejects.toMatchObject({
      code: "gitea.incomplete",
      message: expect.stringMatching(
        /^GET \/admin\/users gave nothing new for page 2, .*drop "page" from the query\?$/,
      ),
    });
  });

  it("is given up as well where the total is told", async () => {
    const reading = listing(rows(1, 120), same, { isPageIgnored: true });
    await expect(reading).rejects.toMatchObject({
      code: "gitea.incomplete",
      message: expect.stringContaining("page 2"),
    });
  });
});
