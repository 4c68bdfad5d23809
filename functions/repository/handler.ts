import { connectGitea } from "#shared/gitea.ts";
import { stage } from "#shared/stage.ts";
import { ensureRepository } from "./ensure-repository.ts";

export const handler = stage("repository", connectGitea, ensureRepository);
