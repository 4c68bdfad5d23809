import { connectDirectory, type Directory } from "#shared/directory.ts";
import { Unauthorized } from "#shared/errors.ts";
import { connectGitea, createOnce, type GiteaTools } from "#shared/gitea.ts";
import type { Connect, Invocation } from "#shared/stage.ts";

type Tools = GiteaTools & { directory: Directory };
export type Open = (invocation: Invocation) => Tools;

/** Directory and Gitea, for the one function that asks both. */
export const connectWorkspaces: Connect<Tools> = async (environment) => {
  const [openDirectory, openGitea] = await Promise.all([connectDirectory(environment), connectGitea(environment)]);
  return (invocation) => ({ ...openDirectory(), ...openGitea(invocation) });
};

export type Connection = ReturnType<typeof createConnection>;

/** Connects once a cold start, and anew where that failed or after a refused password: a rotated secret is read again. */
export function createConnection(connect: () => Promise<Open>) {
  let once = createOnce();
  return {
    open: (): Promise<Open> => once("connection", connect),
    forgetIfRefused: (error: unknown): void => {
      if (error instanceof Unauthorized) once = createOnce();
    },
  };
}
