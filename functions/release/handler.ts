import { connectGitea } from "#shared/gitea.ts";
import { stage } from "#shared/stage.ts";
import { releaseSession } from "./release-session.ts";

export const handler = stage("release", connectGitea, releaseSession);
