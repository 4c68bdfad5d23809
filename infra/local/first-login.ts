import { ROUTES } from "#shared/pipeline.ts";
import type { Journey, StageReport, Trouble } from "./journal.ts";
import { type Commit, lookInto, type Repository, repositoryOf } from "./look.ts";
import type { Screen } from "./progress.ts";
import type { Stack } from "./stack.ts";

/** What `--json` prints. */
export type Login = {
  person: string;
  delivery: string;
  stages: Pick<StageReport, "stage" | "outcome" | "milliseconds">[];
  repository?: Pick<Repository, "cloneUrl" | "htmlUrl">;
  commit?: Pick<Commit, "sha" | "author" | "files">;
  failure?: Trouble;
  /** Stages of a done login of which no line was seen: the log of an emulated cloud may lose one. */
  unseen?: string[];
  giteaRequests: number;
  milliseconds: number;
};

/** Who reads the repository at the end: on the stand-in the person, which proves that their LDAP password works there. */
export type Reader = { user: string; password: string };
type Options = { person: string; reader: Reader; dir: string; screen: Screen };

/** Posts one signed spawn, shows each stage as it passes, and looks at what exists afterwards. */
export async function logIn(stack: Stack, { person, reader, dir, screen }: Options): Promise<Login> {
  const startedAt = Date.now();
  const posted = await stack.send({ type: "server.spawning", user: person });
  if (posted.status !== 202) throw new Error(`the ingress answered ${posted.status}: ${posted.message}`);
  screen.say(`\n${screen.bold(`${person} starts a server`)} ${screen.dim(`delivery ${posted.delivery}`)}`);
  const journey = await watch(stack, posted.delivery, screen);
  const milliseconds = Date.now() - startedAt;
  const repository = repositoryOf(journey, stack.giteaUrl, process.env["GITEA_CLONE_URL"]);
  const commit = journey.isDone && repository ? await lookInto(repository.cloneUrl, { dir, ...reader }) : undefined;
  const seen = repository && commit ? { repository, commit } : undefined;
  const login = describe(person, { journey, seen, milliseconds });
  if (seen) showWhatExists(journey, { ...seen, login, screen });
  return login;
}

async function watch(stack: Stack, delivery: string, screen: Screen): Promise<Journey> {
  const picture = screen.stages(ROUTES.spawn);
  const early = stack.lines.filter((line) => line.delivery === delivery);
  for (const line of early) picture.show(line);
  const stopWatching = stack.onLine((line) => line.delivery === delivery && picture.show(line));
  try {
    const journey = await stack.follow(delivery);
    for (const stage of journey.unseen) screen.say(`  ? ${stage.padEnd(12)} ${NOT_SEEN}`);
    return journey;
  } finally {
    stopWatching();
    picture.end();
  }
}

const NOT_SEEN = "no line of it was seen in the log; the stages after it have answered";

type Facts = { journey: Journey; seen: Seen | undefined; milliseconds: number };

function describe(person: string, { journey, seen, milliseconds }: Facts): Login {
  const { delivery, stages, isDone, failure, waiting, unseen } = journey;
  const late = isDone ? undefined : { stage: "", code: "not-done", reason: "the stages did not end in time" };
  const trouble = failure ?? waiting ?? late;
  return {
    person,
    delivery,
    stages: stages.map(({ stage, outcome, milliseconds: taken }) => ({ stage, outcome, milliseconds: taken })),
    ...(seen && {
      repository: { cloneUrl: seen.repository.cloneUrl, htmlUrl: seen.repository.htmlUrl },
      commit: { sha: seen.commit.sha, author: seen.commit.author, files: seen.commit.files },
    }),
    ...(trouble && { failure: trouble }),
    ...(unseen.length > 0 && { unseen }),
    giteaRequests: stages.reduce((sum, { giteaRequests }) => sum + giteaRequests, 0),
    milliseconds,
  };
}

type Seen = { repository: Repository; commit: Commit };

function showWhatExists({ account = "", envelope }: Journey, shown: Seen & { login: Login; screen: Screen }): void {
  const { repository, commit, login, screen } = shown;
  const { dim, bold } = screen;
  const rows = [
    ["account", `${account} ${dim(commit.author)}`],
    ...(envelope?.team ? [["team", `${envelope.team.name} ${dim(`in the organisation ${repository.owner}`)}`]] : []),
    ["repository", repository.htmlUrl],
    ["commit", `${commit.sha.slice(0, 7)} ${commit.subject} ${dim(`by ${commit.author}`)}`],
    ["files", commit.files.join("  ")],
  ];
  const seconds = (login.milliseconds / 1000).toFixed(1);
  screen.say(`  ${dim(`done in ${seconds} s with ${login.giteaRequests} requests to Gitea`)}`);
  screen.say(`\n${bold("What exists now")}`);
  for (const [name = "", value] of rows) screen.say(`  ${name.padEnd(12)} ${value}`);
}
