import { EXIT } from "../exit-codes.ts";
import { Interrupted } from "../letters/interrupted.ts";
import { inert } from "../output/inert.ts";
import { showRows } from "../output/rows.ts";
import type { Column } from "../output/table.ts";
import { type QueueState, readQueues } from "../read-queues.ts";
import { ALL_QUEUES } from "../target.ts";
import { openTarget, type Verb } from "./context.ts";

/** `queues`: how much waits, is worked on and is delayed, queue by queue. */
export const queues: Verb<object> = async (context) => {
  const { terminal } = context;
  const target = await openTarget(context, ALL_QUEUES);
  const states = await readQueues(target.environment, context.signal);
  if (context.signal.aborted) throw new Interrupted("interrupted");
  showRows(terminal, states, COLUMNS);
  terminal.note(terminal.faint(`on ${target.name}; SQS counts approximately`));
  const troubles = states.flatMap(({ trouble }) => trouble ?? []);
  for (const trouble of new Set(troubles)) terminal.note(`${terminal.warning("trouble:")} ${inert(trouble)}`);
  return troubles.length > 0 ? EXIT.error : EXIT.done;
};

const count = (number: number | undefined) => (number === undefined ? "?" : String(number));
const COLUMNS: Column<QueueState>[] = [
  { title: "QUEUE", text: ({ queue }) => queue },
  { title: "WAITING", text: ({ counts }) => count(counts?.waiting), isNumber: true },
  { title: "IN FLIGHT", text: ({ counts }) => count(counts?.held), isNumber: true },
  { title: "DELAYED", text: ({ counts }) => count(counts?.delayed), isNumber: true },
];
