import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { connectDirectory } from "#shared/directory.ts";
import { Envelope, Failure } from "#shared/envelope.ts";
import { connectGitea } from "#shared/gitea.ts";
import { type LogLine, setLogWriter } from "#shared/log.ts";
import { DEAD_LETTERS, STAGES, type StageName } from "#shared/pipeline.ts";
import { createSender, type Sender } from "#shared/queue.ts";
import { stage } from "#shared/stage.ts";
import { ensureAccount } from "../../functions/account/ensure-account.ts";
import { resolveIdentity } from "../../functions/identity/resolve-identity.ts";
import { releaseSession } from "../../functions/release/release-session.ts";
import { ensureRepository } from "../../functions/repository/ensure-repository.ts";
import { ensureTeam } from "../../functions/team/ensure-team.ts";
import { commitStarterFiles } from "../../functions/templates/commit-starter-files.ts";
import { connectTemplates } from "../../functions/templates/template-source.ts";
import { type GiteaOptions, startGitea } from "../../infra/local/gitea/server.ts";
import { type Slapd, startSlapd } from "../../infra/local/slapd.ts";
import { sqsRecord } from "../../infra/local/sqs-record.ts";
import type { Parameters } from "../../infra/template.ts";
import { GiteaView } from "./gitea-view.ts";
import { outsideDirectoryPort, outsideGitea } from "./outside-gitea.ts";
import { startQueues } from "./queues.ts";

type Handler = ReturnType<typeof stage>;
type Environment = Record<string, string | undefined>;

/** What one invocation of a stage did. */
export type Delivered = { isDone: boolean; lines: LogLine[] };

export type World = Awaited<ReturnType<typeof startWorld>>;

/** `parameters` are the template's. */
type WorldOptions = { seedLdif?: string; config?: string; parameters?: Parameters };

/**
 * Everything real around the stages: slapd, SQS, Gitea (the stand-in, or a real one that the environment names) and the deployed handlers, driven one message at a
 * time so that a test decides what happens between two steps.
 */
export async function startWorld(settings: Environment = {}, options: WorldOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-"));
  const directory: WorldOptions & { dir: string } = { dir: join(dir, "slapd"), ...options };
  let slapd = await startSlapd({ ...directory, ...outsideDirectoryPort() });
  const queues = await startQueues(options.parameters);
  const giteaOptions = giteaBeside(slapd, join(dir, "gitea"));
  let gitea = outsideGitea() ?? (await startGitea(giteaOptions));
  const environment: Environment = {
    ...queues.environment,
    AWS_ENDPOINT_URL: queues.endpoint,
    ...slapd.environment,
    GITEA_URL: gitea.url,
    GITEA_TOKEN: gitea.token,
    GITEA_AUTH_SOURCE_ID: String(gitea.sourceId),
    ...settings,
  };
  const sender: Sender = createSender(environment);
  const lines: LogLine[] = [];
  setLogWriter((line) => lines.push(line));
  const handlers = createHandlers(environment);

  const receive = async (name: StageName): Promise<SQSRecord | undefined> => {
    const { url, arn } = queues.queue(name);
    const answer = await queues.client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      }),
    );
    const [message] = answer.Messages ?? [];
    return message ? sqsRecord(message, arn) : undefined;
  };
  const invoke = async (
    name: StageName,
    record: SQSRecord,
    using = handlers,
    milliseconds = 10_000,
  ): Promise<Delivered> => {
    const before = lines.length;
    const answer = await using[name]({ Records: [record] }, { getRemainingTimeInMillis: () => milliseconds });
    const isDone = answer.batchItemFailures.length === 0;
    if (isDone) {
      const { url } = queues.queue(name);
      await queues.client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: record.receiptHandle }));
    }
    return { isDone, lines: lines.slice(before) };
  };
  /** Handles whatever is visible until nothing is; what was given back for later stays. */
  const drain = async (using = handlers): Promise<LogLine[]> => {
    const before = lines.length;
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const name of STAGES) {
        for (let record = await receive(name); record; record = await receive(name)) {
          isQuiet = false;
          await invoke(name, record, using);
        }
      }
    }
    return lines.slice(before);
  };
  return {
    get slapd() {
      return slapd;
    },
    /** The directory again, with what it had and on the port it had; `config` as of a changed slapd.conf. */
    startSlapdAgain: async (config = directory.config) => {
      const again = { ...directory, port: Number(new URL(slapd.url).port) };
      slapd = await startSlapd({ ...again, ...(config !== undefined && { config }) });
    },
    queues,
    get gitea() {
      return gitea;
    },
    /** The stand-in again, with what it had and on the port it had. */
    startGiteaAgain: async () => {
      gitea = await startGitea({ ...giteaOptions, port: Number(new URL(gitea.url).port) });
    },
    view: new GiteaView(gitea.url, gitea.token),
    environment,
    handlers,
    lines,
    sender,
    receive,
    invoke,
    drain,
    /** Sends an envelope into a stage and handles everything that follows from it. */
    pass: async (envelope: Envelope, from: StageName = "identity"): Promise<LogLine[]> => {
      await sender.sendEnvelope(from, envelope);
      return await drain();
    },
    /** One step alone: the envelope goes through that stage's real queue and handler, what it forwards is returned. */
    step: async (name: StageName, envelope: Envelope) => {
      await sender.sendEnvelope(name, envelope);
      const record = await receive(name);
      if (!record) throw new Error(`queue ${name} gave nothing: its group is locked, or the message was a duplicate`);
      return await invoke(name, record);
    },
    envelopesIn: (name: StageName): Envelope[] =>
      queues.messagesIn(name).map(({ body }) => Envelope.parse(JSON.parse(body))),
    letters: (): Failure[] => queues.messagesIn(DEAD_LETTERS).map(({ body }) => Failure.parse(JSON.parse(body))),
    stop: async () => {
      setLogWriter(() => {});
      await gitea.stop();
      await queues.stop();
      await slapd.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function giteaBeside({ url, bindDn, bindPassword, base }: Slapd, dir: string): GiteaOptions {
  return { dir, ldap: { url, bindDn, bindPassword, userBase: `ou=people,${base}`, userFilter: "(uid=%s)" } };
}

/** The deployed wiring of every stage, over another environment: each call is a cold start. */
export function createHandlers(environment: Environment): Record<StageName, Handler> {
  return {
    identity: stage("identity", connectDirectory, resolveIdentity, environment),
    account: stage("account", connectGitea, ensureAccount, environment),
    team: stage("team", connectGitea, ensureTeam, environment),
    repository: stage("repository", connectGitea, ensureRepository, environment),
    templates: stage("templates", connectTemplates, commitStarterFiles, environment),
    release: stage("release", connectGitea, releaseSession, environment),
  };
}
