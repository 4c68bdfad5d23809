import { Retryable } from "../errors.ts";
import type { Answer } from "./answer.ts";
import { PAGE_SIZE } from "./pages.ts";

type Head = Pick<Answer, "totalCount" | "request">;
type Page<Item> = { answer: Head; items: Item[] };
export type Listed<Item> = { items: Item[]; hasMoved: boolean };

/** Gitea answers lists in a few ms each, most of it on one core; beyond four it only queues them (README.md §7). */
const AT_ONCE = 4;

/**
 * All pages of a long list, several at once, each item once. Rows that come or go between two pages shift the others: seen
 * twice they count once, and `hasMoved` says that somebody may not have been seen. Not noticed: a row that goes from a page
 * already read while another comes at the end. Who is missed then is unknown to that run of the sync, which costs nobody
 * anything: only people whose account and own team were both seen can lose something.
 * @throws Retryable `gitea.incomplete` when a page breaks off before the total that Gitea announced, or comes twice
 */
export async function listAll<Item extends { id: number | string }>(
  readOnce: (page: number) => Promise<Page<Item>>,
): Promise<Listed<Item>> {
  const readPage = (page: number) =>
    readOnce(page).catch((error: unknown) => againIfUnanswered(error, () => readOnce(page)));
  const first = await readPage(1);
  const total = first.answer.totalCount;
  if (total === undefined) return await listUntilEmpty(first, readPage);
  const found = new Map<Item["id"], Item>();
  let hasMoved = false;
  const take = ({ answer, items }: Page<Item>, page: number) => {
    if (answer.totalCount !== total) hasMoved = true;
    const announced = Math.min(PAGE_SIZE, total - (page - 1) * PAGE_SIZE);
    if (items.length < announced && answer.totalCount === total) throw brokenOff(answer, items.length, announced);
    const isKnown = items.length === PAGE_SIZE && items.every(({ id }) => found.has(id));
    if (isKnown && answer.totalCount === total) throw samePage(answer, page);
    for (const item of items) found.set(item.id, item);
  };
  take(first, 1);
  const pages = Math.ceil(total / PAGE_SIZE);
  let next = 2;
  const work = async () => {
    while (next <= pages) {
      const page = next;
      next += 1;
      take(await readPage(page), page);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { items: [...found.values()], hasMoved: hasMoved || found.size < total };
}

/** Of thousands of requests one may meet a connection that the other side has just closed: asked again, it is answered. */
function againIfUnanswered<Value>(error: unknown, ask: () => Promise<Value>): Promise<Value> {
  if (error instanceof Retryable && error.code === "gitea.unreachable") return ask();
  throw error;
}

/**
 * Behind a proxy that hides the total only an empty page is the end: a short one may be all that this Gitea gives at once
 * (MAX_RESPONSE_ITEMS). A page as long as the one before, with nothing new in it, is that one again.
 */
async function listUntilEmpty<Item extends { id: number | string }>(
  first: Page<Item>,
  readPage: (page: number) => Promise<Page<Item>>,
): Promise<Listed<Item>> {
  const found = new Map<Item["id"], Item>();
  let seen = 0;
  let last = first;
  for (let page = 1; last.items.length > 0; page += 1) {
    for (const item of last.items) found.set(item.id, item);
    seen += last.items.length;
    const next = await readPage(page + 1);
    const isNew = next.items.some(({ id }) => !found.has(id));
    if (next.items.length === last.items.length && !isNew) throw samePage(next.answer, page + 1);
    last = next;
  }
  return { items: [...found.values()], hasMoved: found.size < seen };
}

function brokenOff({ request }: Head, given: number, announced: number): Retryable {
  const said = `${request.method} ${request.path} gave ${given} of ${announced} items of a page`;
  return new Retryable("gitea.incomplete", `${said}: the list is not complete`, { request });
}

function samePage({ request }: Head, page: number): Retryable {
  const said = `${request.method} ${request.path} gave nothing new for page ${page}, but a page of before again`;
  return new Retryable("gitea.incomplete", `${said}: does a proxy before Gitea drop "page" from the query?`, {
    request,
  });
}
