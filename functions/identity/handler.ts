import { connectDirectory } from "#shared/directory.ts";
import { stage } from "#shared/stage.ts";
import { resolveIdentity } from "./resolve-identity.ts";

export const handler = stage("identity", connectDirectory, resolveIdentity);
