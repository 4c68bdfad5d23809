import { Envelope, RouteName } from "#shared/envelope.ts";
import type { LogLine } from "#shared/log.ts";
import { nextStage, ROUTES, STAGES, type StageName } from "#shared/pipeline.ts";

export type StageReport = { stage: StageName; outcome: string; milliseconds: number; giteaRequests: number };
export type Trouble = { stage: string; code: string; reason: string };
/**
 * How far a delivery came: `isDone` when its last stage has answered, `failure` when it became a dead letter, `waiting`
 * when a stage is going to try again; `unseen` are the stages of a done route that said nothing.
 */
export type Journey = {
  delivery: string;
  stages: StageReport[];
  isDone: boolean;
  unseen: StageName[];
  failure?: Trouble;
  waiting?: Trouble;
  /** Gitea's name for the person, and `owner/name` of their repository, as the stages said them. */
  account?: string;
  repository?: string;
  /** What the last stage was given: everything the earlier ones learned. Only this process's own functions show it. */
  envelope?: Envelope;
};

export type Journal = {
  lines: LogLine[];
  write(line: LogLine): void;
  /** Calls `listener` for each line from now on; the result ends that. */
  onLine(listener: (line: LogLine) => void): () => void;
  /** Notes what a function was woken with, so that a journey can tell what is known at its end. */
  noteMessage(body: string): void;
  /** Resolves when the delivery is done or a dead letter, or after `withinMilliseconds` as far as it came. */
  follow(delivery: string, withinMilliseconds?: number): Promise<Journey>;
};

/** An emulator's log has its lines a little after the functions wrote them, and may lose one. */
const LATE_LINES_MILLISECONDS = 3_000;

/** What the functions said: the local stack's only window into them, as CloudWatch is on AWS. */
export function createJournal(): Journal {
  const lines: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  const envelopes = new Map<string, Envelope>();
  const onLine = (listener: (line: LogLine) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const journeyOf = (delivery: string): Journey => {
    const envelope = envelopes.get(delivery);
    return { ...readJourney(delivery, lines), ...(envelope && { envelope }) };
  };
  return {
    lines,
    onLine,
    write: (line) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    },
    noteMessage: (body) => {
      const envelope = envelopeIn(body);
      if (envelope) envelopes.set(envelope.delivery.id, envelope);
    },
    follow: (delivery, withinMilliseconds = 60_000) =>
      new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          clearTimeout(lateTimer);
          stopListening();
          resolve(journeyOf(delivery));
        };
        const endIfSettled = () => {
          const { isDone, failure, unseen } = journeyOf(delivery);
          if (failure || (isDone && unseen.length === 0)) end();
          else if (isDone) lateTimer ??= setTimeout(end, LATE_LINES_MILLISECONDS);
        };
        let lateTimer: NodeJS.Timeout | undefined;
        const timer = setTimeout(end, withinMilliseconds);
        const stopListening = onLine((line) => line.delivery === delivery && endIfSettled());
        endIfSettled();
      }),
  };
}

function envelopeIn(body: string): Envelope | undefined {
  try {
    return Envelope.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined; // not one of ours: the stage writes a letter about it
  }
}

function readJourney(delivery: string, lines: readonly LogLine[]): Journey {
  const own = lines.filter((line) => line.delivery === delivery);
  const letter = own.findLast(({ event }) => event === "stage.dead-lettered" || event === "stage.left-to-sync");
  const last = own.findLast((line) => line.stage !== undefined);
  const account = own.findLast((line) => line.account !== undefined)?.account;
  const repository = own.findLast((line) => line.repository !== undefined)?.repository;
  const stages = own.flatMap((line) => reportOf(line) ?? []);
  // A copy of an earlier message, as queues may deliver one, does not undo what is done.
  const ended = own.findLast((line) => reportOf(line) !== undefined && isLastStage(line));
  return {
    delivery,
    ...(account && { account }),
    ...(repository && { repository }),
    stages,
    isDone: ended !== undefined,
    unseen: routeOf(ended).filter((name) => !stages.some(({ stage }) => stage === name)),
    ...(letter && { failure: troubleOf(letter) }),
    ...(last?.event === "stage.retried" && { waiting: troubleOf(last) }),
  };
}

function troubleOf({ stage = "", code = "", reason = "" }: LogLine): Trouble {
  return { stage, code, reason };
}

function reportOf(line: LogLine): StageReport | undefined {
  const stage = STAGES.find((name) => name === line.stage && line.event.startsWith(`${name}.`));
  if (!stage) return undefined;
  const { outcome = "", milliseconds = 0, giteaRequests = 0 } = line;
  return { stage, outcome, milliseconds, giteaRequests };
}

function routeOf(line: LogLine | undefined): readonly StageName[] {
  const route = RouteName.safeParse(line?.route).data;
  return route ? ROUTES[route] : [];
}

function isLastStage(line: LogLine): boolean {
  const stage = STAGES.find((name) => name === line.stage);
  const route = RouteName.safeParse(line.route).data;
  return stage !== undefined && route !== undefined && nextStage(route, stage) === undefined;
}
