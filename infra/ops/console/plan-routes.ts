import type { Hono } from "hono";
import { parseCount, parseRate } from "../options.ts";
import { UsageError } from "../usage-error.ts";
import type { Show } from "./app.ts";
import { readQuery } from "./ask.ts";
import type { Choice } from "./choose-letters.ts";
import type { Content, Execution, Planning } from "./content.ts";
import { countOf, type Desk } from "./desk.ts";
import { type Job, soonEnded } from "./jobs.ts";
import type { Form } from "./pages/form.ts";
import { notice } from "./pages/layout.ts";
import { planPage } from "./pages/plan-page.ts";
import { runPage } from "./pages/run-page.ts";

type Parts = { desk: Desk; show: Show; form: Form };

const HERE = { here: "letters" } as const;
const PATIENCE_MILLISECONDS = 700;

/** Select → plan → confirm with the count → carry out. */
export function planRoutes(app: Hono, { desk, show, form }: Parts): void {
  app.post("/plans", async (c) => {
    const { verb, all, key } = await c.req.parseBody({ all: true });
    const keys = [key ?? []].flat().filter((one) => typeof one === "string");
    const { choice, trouble } = readQuery(c.req.url);
    const isAll = all === "yes";
    if (!choice) return await show(c, { title: "No plan", ...HERE }, notice(trouble ?? ""), 400);
    if (!isAll && keys.length === 0) return await show(c, { title: "No plan", ...HERE }, notice(NOTHING_CHOSEN), 400);
    const chosen: Choice = isAll ? choice : { filter: {}, keys };
    const job = desk.plan(verb === "discard" ? "discard" : "replay", chosen);
    await soonEnded(job, PATIENCE_MILLISECONDS);
    return c.redirect(`/plans/${job.id}`, 303);
  });

  app.get("/plans/:job", async (c) => {
    const job = planningOf(desk.jobs.find(c.req.param("job")));
    if (!job) return await show(c, { title: "No such plan", ...HERE }, notice(FORGOTTEN), 404);
    return await show(c, { title: "Plan", ...HERE }, planPage(job, form));
  });

  app.post("/plans/:job/execute", async (c) => {
    const job = planningOf(desk.jobs.find(c.req.param("job")));
    if (!job) return await show(c, { title: "No such plan", ...HERE }, notice(FORGOTTEN), 404);
    try {
      const run = desk.execute(confirmed(job, await c.req.parseBody()));
      await soonEnded(run, PATIENCE_MILLISECONDS);
      return c.redirect(`/runs/${run.id}`, 303);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return await show(c, { title: "Plan", ...HERE }, planPage(job, form, error.message), 400);
    }
  });

  app.get("/runs/:job", async (c) => {
    const job = executionOf(desk.jobs.find(c.req.param("job")));
    if (!job) return await show(c, { title: "No such run", ...HERE }, notice(FORGOTTEN), 404);
    return await show(c, { title: job.content.verb === "replay" ? "Replay" : "Discard", ...HERE }, runPage(job, form));
  });

  app.post("/jobs/:job/stop", async (c) => {
    const job = desk.jobs.find(c.req.param("job"));
    job?.stop();
    if (job) await soonEnded(job, PATIENCE_MILLISECONDS);
    const path =
      job && { look: "/letters", planning: `/plans/${job.id}`, execution: `/runs/${job.id}` }[job.content.is];
    return c.redirect(path ?? "/letters", 303);
  });
}

const NOTHING_CHOSEN = "No letter is selected: tick some of them, or all that match.";
const FORGOTTEN = "The console remembers its latest plans only: make a new one from the list of letters.";

type Fields = Record<string, unknown>;

/** What somebody confirmed. @throws UsageError that says what is wrong with the form */
function confirmed(job: Job<Planning>, fields: Fields): Execution {
  const { verb, choice, found } = job.content;
  if (!found) throw new UsageError("The plan is not made yet.");
  const word = (name: string) => (typeof fields[name] === "string" ? fields[name].trim() : "");
  const wanted = String(countOf(found));
  if (word("typed") !== wanted) throw new UsageError(`Type ${wanted} to go ahead. Nothing was done.`);
  const reason = word("reason");
  return {
    is: "execution",
    ...{ verb, choice, hash: found.plan.hash, results: [], isAnyway: fields["anyway"] === "yes" },
    ...(reason && { reason }),
    rate: verb === "replay" ? parseRate(word("rate")) : 1,
    concurrency: verb === "replay" ? parseCount("People at once", word("concurrency"), 100) : 1,
  };
}

function planningOf(job: Job<Content> | undefined): Job<Planning> | undefined {
  return job?.content.is === "planning" ? (job as Job<Planning>) : undefined;
}

function executionOf(job: Job<Content> | undefined): Job<Execution> | undefined {
  return job?.content.is === "execution" ? (job as Job<Execution>) : undefined;
}
