import type { Context } from "hono";

/** Gitea's `max_response_items` and `default_paging_num`. */
export const maxItems = 50;
export const defaultItems = 30;

/** `always`: pages at 30 without being asked. `when asked`: without `page` the whole list, whatever `limit` says. */
type PagingFamily = "always" | "when asked";

/**
 * One page of a list, with `X-Total-Count` and, where Gitea sends one, `Link`. `limit` is capped at 50; 0 or nothing is
 * 30; a page past the end is empty.
 */
export function paged<T>(
  c: Context,
  rows: readonly T[],
  options: { family: PagingFamily; link?: string },
): readonly T[] {
  const asked = wholeNumber(c.req.query("limit"));
  const size = asked > 0 ? Math.min(asked, maxItems) : defaultItems;
  const page = wholeNumber(c.req.query("page"));
  c.header("X-Total-Count", String(rows.length));
  if (options.link !== undefined) {
    const links = linkHeader(c, options.link, { total: rows.length, size, page: Math.max(page, 1) });
    if (links !== "") c.header("Link", links);
  }
  if (page < 1 && options.family === "when asked") return rows;
  const start = (Math.max(page, 1) - 1) * size;
  return rows.slice(start, start + size);
}

function linkHeader(c: Context, root: string, at: { total: number; size: number; page: number }): string {
  const last = Math.max(1, Math.ceil(at.total / at.size));
  const page = Math.min(at.page, last);
  const to = (target: number, rel: string) => {
    const query = new URLSearchParams(c.req.query());
    query.set("page", String(target));
    query.sort();
    return `<${root}${c.req.path}?${query}>; rel="${rel}"`;
  };
  const links: string[] = [];
  if (page < last) links.push(to(page + 1, "next"), to(last, "last"));
  if (page > 1) links.push(to(1, "first"), to(page - 1, "prev"));
  return links.join(",");
}

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : 0;
}
