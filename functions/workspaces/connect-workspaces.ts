import { connectDirectory, type Directory } from "#shared/directory.ts";
import { connectGitea, type GiteaTools } from "#shared/gitea.ts";
import type { Connect, Invocation } from "#shared/stage.ts";

type Tools = GiteaTools & { directory: Directory };
export type Open = (invocation: Invocation) => Tools;

/** Directory and Gitea, for the one function that asks both. */
export const connectWorkspaces: Connect<Tools> = async (environment) => {
  const [openDirectory, openGitea] = await Promise.all([connectDirectory(environment), connectGitea(environment)]);
  return (invocation) => ({ ...openDirectory(), ...openGitea(invocation) });
};
