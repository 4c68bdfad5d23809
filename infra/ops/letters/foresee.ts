import { type Environment, SettingsError } from "#shared/config.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { Gitea } from "#shared/gitea.ts";
import { ROUTES, type StageName } from "#shared/pipeline.ts";
import { asStageError } from "#shared/settle.ts";
import type { Ensured } from "#shared/stage.ts";
import { ensureAccount } from "../../../functions/account/ensure-account.ts";
import { resolveIdentity } from "../../../functions/identity/resolve-identity.ts";
import { releaseSession } from "../../../functions/release/release-session.ts";
import { ensureRepository } from "../../../functions/repository/ensure-repository.ts";
import { ensureTeam } from "../../../functions/team/ensure-team.ts";
import { connectOutside, type Outside, readOnly, WouldWrite } from "../outside.ts";

/** What a replay would come to now, as far as reading can tell. */
export type Foresight =
  /** A stage has something to write: whether Gitea lets it cannot be read. */
  | { would: "write"; stage: StageName }
  /** Everything it asks for is true already; `by` is the delivery that the first commit names. */
  | { would: "nothing"; by?: string }
  | { would: "fail"; stage: StageName; code: string; reason: string };

export type Foresee = (envelope: Envelope, signal: AbortSignal) => Promise<Foresight>;

/**
 * Runs the very functions of the stages against LDAP and Gitea as they are now, with a Gitea that reads and never writes:
 * the first write ends the run. `why` says which settings are missing for that.
 */
export async function connectForesight(environment: Environment): Promise<{ foresee: Foresee } | { why: string }> {
  try {
    const open = await connectOutside(environment);
    return {
      foresee: async (envelope, signal) => {
        const tools = open(readOnly(signal));
        let known = envelope;
        for (const stage of ROUTES[envelope.route]) {
          const seen = await attempt(stage, known, tools);
          if ("would" in seen) return seen;
          known = { ...known, ...seen.learned };
        }
        return { would: "nothing", ...(await setUpBy(known, tools.gitea)) };
      },
    };
  } catch (error) {
    if (error instanceof SettingsError) return { why: error.message };
    throw error;
  }
}

async function attempt(stage: StageName, envelope: Envelope, tools: Outside): Promise<Ensured | Foresight> {
  try {
    return await ENSURE[stage](envelope, tools);
  } catch (error) {
    if (error instanceof WouldWrite) return { would: "write", stage };
    const { code, message } = asStageError(error);
    return { would: "fail", stage, code, reason: message };
  }
}

const ENSURE: Record<StageName, (envelope: Envelope, tools: Outside) => Promise<Ensured>> = {
  identity: resolveIdentity,
  account: ensureAccount,
  team: ensureTeam,
  repository: ensureRepository,
  // Which files and which commit need not be known: an empty repository gets them.
  templates: async ({ repository }) => {
    if (repository?.isEmpty) throw new WouldWrite("the starter files");
    return { outcome: "unchanged" };
  },
  // Revoking a token writes at once, so refused credentials are looked for first.
  release: async (envelope, tools) => {
    await tools.gitea.users.whoAmI();
    return await releaseSession(envelope, tools);
  },
};

async function setUpBy({ repository, route }: Envelope, gitea: Gitea): Promise<{ by?: string }> {
  if (!repository || route !== "spawn") return {};
  const { owner, name, defaultBranch } = repository;
  const head = await readHead(gitea, { owner, name }, defaultBranch);
  const [, by] = /^Hubforge-Delivery: (\S+)$/m.exec(head ?? "") ?? [];
  return by === undefined ? {} : { by };
}

/** Only to say more: whoever cannot be asked leaves it unsaid. */
async function readHead(gitea: Gitea, place: { owner: string; name: string }, branch: string) {
  return await gitea.commits.find(place, branch).then(
    (head) => head?.message,
    () => undefined,
  );
}
