import { type Environment, loadSettings } from "#shared/config.ts";
import { createDirectory, type Directory } from "#shared/directory.ts";
import { connectGitea, type GiteaTools } from "#shared/gitea.ts";
import type { Invocation } from "#shared/stage.ts";

/** Directory and Gitea, as the stages see them. */
export type Outside = GiteaTools & { directory: Directory; signal: AbortSignal };

/** @throws SettingsError naming every wrong or missing variable at once */
export async function connectOutside(environment: Environment): Promise<(invocation: Invocation) => Outside> {
  // Both sections together, so that all that is missing is said at once.
  const settings = await loadSettings(["directory", "gitea"], environment);
  const directory = createDirectory(settings);
  const openGitea = await connectGitea(environment);
  return (invocation) => ({ ...openGitea(invocation), directory, signal: invocation.signal });
}

/** For work that may write. */
export function unlimited(signal: AbortSignal): Invocation {
  return { signal, requests: { total: 0, writes: 0 } };
}

/** Thrown in the place of a request that would have written. */
export class WouldWrite extends Error {}

/** For work that only looks: every request is counted before it is sent, and this count of writes lets none pass. */
export function readOnly(signal: AbortSignal): Invocation {
  return {
    signal,
    requests: {
      total: 0,
      get writes() {
        return 0;
      },
      set writes(_count: number) {
        throw new WouldWrite("this was to look only");
      },
    },
  };
}
