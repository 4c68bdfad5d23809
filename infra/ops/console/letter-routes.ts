import type { Context, Hono } from "hono";
import { html } from "hono/html";
import { DEAD_LETTERS } from "#shared/pipeline.ts";
import type { Letter } from "../letters/letter.ts";
import type { Show } from "./app.ts";
import { type Asked, readQuery } from "./ask.ts";
import { chooseLetters, keyOf } from "./choose-letters.ts";
import type { Content } from "./content.ts";
import type { Desk } from "./desk.ts";
import { isOpen, type Job, soonEnded } from "./jobs.ts";
import { journeyOfLetter } from "./journey-routes.ts";
import type { Form } from "./pages/form.ts";
import { type Html, notice } from "./pages/layout.ts";
import { letterPage } from "./pages/letter-page.ts";
import { lettersPage } from "./pages/letters-page.ts";
import { progress } from "./pages/progress.ts";
import type { Snapshot } from "./snapshot.ts";
import type { QueueWatch } from "./watch-queues.ts";

type Parts = { desk: Desk; queues: QueueWatch; show: Show; form: Form };

const LIST = { title: "Dead letters", here: "letters" } as const;
/** A short queue is read before anybody notices. */
const PATIENCE_MILLISECONDS = 1_500;

/** More than this is read again only when somebody asks: it takes its time. */
const READ_UNASKED = 1_000;

/** The list of letters, and each letter. Nothing is held but while it is read. */
export function letterRoutes(app: Hono, { desk, queues, show, form }: Parts): void {
  let latest: Job<Content> | undefined;

  const read = async (): Promise<Job<Content>> => {
    const job = latest && isOpen(latest) ? latest : desk.look();
    latest = job;
    await soonEnded(job, PATIENCE_MILLISECONDS);
    return job;
  };

  app.get("/letters", async (c) => {
    const isShort = (await countLetters(queues)) <= READ_UNASKED;
    const snapshot = desk.snapshot();
    const isMoved = snapshot !== undefined && (await isOld(snapshot, { desk, queues }));
    const job = (latest && isOpen(latest)) || !snapshot || (isMoved && isShort) ? await read() : latest;
    if (job && isOpen(job)) return await show(c, LIST, reading(job, form));
    // What an earlier reading found is still worth a look.
    if (job?.state === "failed" && !desk.snapshot()) return await show(c, LIST, reading(job, form));
    return await list(c, { desk, queues, show, form });
  });
  app.post("/letters/read", async (c) => {
    await read();
    return c.redirect(`/letters?${readQuery(c.req.url).query}`, 303);
  });

  app.get("/letter", async (c) => {
    const found = findLetter(desk, c.req.query("key"));
    if (!found) return await show(c, LIST, notice(GONE), 404);
    const { letter, body } = found;
    const journey = await journeyOfLetter(letter, desk.target);
    return await show(
      c,
      { title: "Dead letter", here: "letters" },
      letterPage({ target: desk.target, letter, body, journey, form }),
    );
  });
  app.get("/letter/message", async (c) => {
    const found = findLetter(desk, c.req.query("key"));
    if (found?.body === undefined) return await show(c, LIST, notice(GONE), 404);
    c.header("content-disposition", `attachment; filename="letter-${keyOf(found.letter)}.txt"`);
    return c.text(found.body);
  });
}

const GONE =
  "This letter was not on the queue when the letters were last read: it was replayed or discarded, or is new.";

function findLetter(desk: Desk, key: string | undefined): { letter: Letter; body: string | undefined } | undefined {
  const snapshot = desk.snapshot();
  const letter = snapshot?.letters.find((one) => keyOf(one) === key);
  return letter && { letter, body: snapshot?.bodyOf(letter) };
}

function reading(job: Job<Content>, form: Form): Html {
  return html`<div class="title">
      <h1>Dead letters</h1>
      ${form({ action: "/letters/read" }, html`<button>Read again</button>`)}
    </div>
    ${progress(job, form)}`;
}

async function list(c: Context, { desk, queues, show, form }: Parts): Promise<Response> {
  const snapshot = desk.snapshot();
  if (!snapshot) return await show(c, LIST, notice("The letters were not read: read them again."));
  const asked: Asked = readQuery(c.req.url);
  const { choice, trouble } = asked;
  const chosen = choice ? chooseLetters(snapshot.letters, choice) : [];
  const isMoved = await isOld(snapshot, { desk, queues });
  const onQueue = isMoved ? await countLetters(queues) : undefined;
  const view = { snapshot, chosen, asked, onQueue, form };
  return await show(c, LIST, lettersPage(view), trouble === undefined ? 200 : 400);
}

/** Whether the queue holds another number of letters than were found; unknown while something holds them. */
async function isOld(
  { messages, missing }: Snapshot,
  { desk, queues }: Pick<Parts, "desk" | "queues">,
): Promise<boolean> {
  const onQueue = await countLetters(queues);
  return desk.jobs.isIdle && !Number.isNaN(onQueue) && onQueue !== messages + missing;
}

/** NaN where the queue cannot be asked. */
async function countLetters(queues: QueueWatch): Promise<number> {
  const counts = (await queues.look()).find(({ queue }) => queue === DEAD_LETTERS)?.counts;
  return counts ? counts.waiting + counts.held : Number.NaN;
}
