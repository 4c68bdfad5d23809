import { Retryable } from "../errors.ts";
import type { Answer } from "./answer.ts";

/** Without it some lists ignore the limit and others give 30; 50 is the most (rule 7 of README.md). */
export const PAGE_SIZE = 50;

type Page<Item> = { answer: Answer; items: Item[] };

/**
 * Reads every page of a list. A list that breaks off before the total that Gitea announced is no list.
 * @throws Retryable `gitea.incomplete`
 */
export async function allPages<Item>(readPage: (page: number) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  for (let page = 1; ; page += 1) {
    const { answer, items: more } = await readPage(page);
    items.push(...more);
    const { totalCount, request } = answer;
    if (totalCount === undefined ? more.length < PAGE_SIZE : items.length >= totalCount) return items;
    if (more.length > 0) continue;
    const said = `${request.method} ${request.path} gave ${items.length} of ${totalCount} items`;
    throw new Retryable("gitea.incomplete", said, { request });
  }
}
