import { stage } from "#shared/stage.ts";
import { commitStarterFiles } from "./commit-starter-files.ts";
import { connectTemplates } from "./template-source.ts";

export const handler = stage("templates", connectTemplates, commitStarterFiles);
