import { type Environment, loadSettings, SettingsError } from "#shared/config.ts";
import { normalDn } from "#shared/directory/dn.ts";
import { createDirectory, type Directory } from "#shared/directory.ts";
import { type GiteaLists, giteaLists } from "#shared/gitea/account-list.ts";
import { checkSettings } from "#shared/gitea/check-settings.ts";
import { createSender, type Sender } from "#shared/queue.ts";
import type { Invocation } from "#shared/stage.ts";
import { why } from "#shared/why.ts";
import { type Consent, type Decision, decide } from "./decide.ts";
import { type NativeSync, readNativeSync } from "./native-sync.ts";
import type { World } from "./plan.ts";
import { readGitea } from "./read-gitea.ts";
import { sendPlan } from "./send-plan.ts";
import type { SyncSettings } from "./settings.ts";

export type SyncTools = {
  directory: Directory;
  lists: GiteaLists;
  settings: SyncSettings;
  sender: Sender;
  signal: AbortSignal;
  /** Nothing more is asked of anybody. */
  end(): void;
};

/** How far a run has come, for people who wait and for the line that says why it ended. */
export type Progress = { people: number; accounts: number; sent: number };

export type SyncRun = Decision & { world: World; sent: number; nativeSync: NativeSync; isDryRun: boolean };

type Run = Consent & { isDryRun?: boolean; now: Date; onProgress?: (progress: Progress) => void };

/** Connects an environment's settings to the outside; a run is rare enough to read them anew each time. */
export async function connectSync(environment: Environment): Promise<(invocation: Invocation) => SyncTools> {
  const settings = await loadSettings(["directory", "gitea", "sync"], environment);
  checkSettings(settings);
  checkGroupTeams(settings);
  const directory = createDirectory(settings);
  const sender = createSender(environment);
  return (invocation) => {
    const ending = new AbortController();
    const signal = AbortSignal.any([invocation.signal, ending.signal]);
    const lists = giteaLists(settings, { ...invocation, signal });
    return { directory, lists, settings, sender, signal, end: () => ending.abort() };
  };
}

function checkGroupTeams({ GROUP_TEAMS }: SyncSettings): void {
  try {
    for (const dn of Object.keys(GROUP_TEAMS)) normalDn(dn);
  } catch (cause) {
    throw new SettingsError(`wrong settings:\n  GROUP_TEAMS: ${why(cause)}`, { cause });
  }
}

/**
 * One comparison of the directory with Gitea (README.md). It writes nothing to Gitea: what has to change goes to the stages
 * by the queues, so that it is serialised with the person's own events.
 * @throws Retryable when a read or a send does not come to its end; what was sent stays sent, and whatever else was under
 * way ends with it
 */
export async function runSync(run: Run, tools: SyncTools): Promise<SyncRun> {
  try {
    return await compareAndSend(run, tools);
  } finally {
    tools.end();
  }
}

async function compareAndSend(run: Run, tools: SyncTools): Promise<SyncRun> {
  const { directory, lists, settings, sender, signal } = tools;
  const { now, isDryRun = false, onProgress = () => undefined } = run;
  const progress: Progress = { people: 0, accounts: 0, sent: 0 };
  const came = (step: Partial<Progress>) => onProgress(Object.assign(progress, step));
  const [everybody, gitea, nativeSync] = await Promise.all([
    directory.readAll({ groupDns: Object.keys(settings.GROUP_TEAMS), onPeople: (people) => came({ people }) }, signal),
    readGitea(lists, settings).then((found) => {
      came({ accounts: found.accounts.length });
      return found;
    }),
    readNativeSync(lists),
  ]);
  const world: World = { directory: everybody, gitea, settings };
  const decision = decide(world, run);
  if (!isDryRun && decision.refusal === undefined) {
    const onSent = (count: number) => came({ sent: progress.sent + count });
    await sendPlan(decision, { sender, signal, now, onSent });
  }
  return { ...decision, world, sent: progress.sent, nativeSync, isDryRun };
}
