import { connectGitea } from "#shared/gitea.ts";
import { stage } from "#shared/stage.ts";
import { ensureTeam } from "./ensure-team.ts";

export const handler = stage("team", connectGitea, ensureTeam);
