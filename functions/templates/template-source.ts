import { loadSettings, type Settings } from "#shared/config.ts";
import { Permanent } from "#shared/errors.ts";
import { createOnce, type Gitea, type GiteaTools, openGitea } from "#shared/gitea.ts";
import type { Connect } from "#shared/stage.ts";
import { type StarterFile, starterFiles } from "./starter-files.ts";

type Person = { username: string; fullName: string; repository: string };

export type TemplateTools = Omit<GiteaTools, "settings"> & {
  settings: Settings<"gitea" | "templates">;
  /** The files that a new repository begins with, in a fixed order. */
  filesFor(person: Person): Promise<StarterFile[]>;
};

/** Gitea, the commit's settings and where starter files come from: `bundled`, or a repository that an organisation keeps. */
export const connectTemplates: Connect<TemplateTools> = async (environment) => {
  const settings = await loadSettings(["gitea", "templates"], environment);
  const once = createOnce();
  return (invocation) => {
    const gitea = openGitea(settings, invocation);
    const filesFor = async (person: Person) => {
      if (settings.TEMPLATES === "bundled") return starterFiles({ ...person, livyUrl: settings.LIVY_URL });
      return await once("template", () => readTemplate(gitea, settings.TEMPLATES));
    };
    return { gitea, settings, once, filesFor };
  };
};

// A commit of 20 MB takes 2.5 s (reference §8); a starter set is kilobytes. Beyond this somebody named the wrong repository.
const LARGEST_TEMPLATE_BYTES = 10_000_000;
const MOST_FILES = 200;

/** `gitea:<owner>/<repo>@<ref>`: every file of that commit, as it is. Kept for the life of the environment. */
async function readTemplate(gitea: Gitea, source: string): Promise<StarterFile[]> {
  const [, owner, name, ref] = /^gitea:([^/]+)\/([^@]+)@(.+)$/.exec(source) ?? [];
  if (!owner || !name || !ref) throw new Permanent("template.missing", `TEMPLATES "${source}" names no repository`);
  const place = { owner, name };
  const entries = await gitea.repositories.files(place, ref);
  if (!entries || entries.length === 0) {
    throw new Permanent(
      "template.missing",
      `TEMPLATES: repository ${owner}/${name} has no files at ${ref}, or hubforge may not read it`,
    );
  }
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  if (entries.length > MOST_FILES || bytes > LARGEST_TEMPLATE_BYTES) {
    throw new Permanent(
      "template.too-large",
      `TEMPLATES: ${owner}/${name}@${ref} has ${entries.length} files and ${bytes} bytes; at most ${MOST_FILES} and ${LARGEST_TEMPLATE_BYTES}`,
    );
  }
  return await Promise.all(
    entries.map(async ({ path }) => ({ path, content: await gitea.repositories.fileContent(place, path, ref) })),
  );
}
