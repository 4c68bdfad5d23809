import { connectGitea } from "#shared/gitea.ts";
import { stage } from "#shared/stage.ts";
import { ensureAccount } from "./ensure-account.ts";

export const handler = stage("account", connectGitea, ensureAccount);
