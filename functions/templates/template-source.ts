import { loadSettings, type Settings } from "#shared/config.ts";
import { connectGitea, type GiteaTools } from "#shared/gitea.ts";
import type { Connect } from "#shared/stage.ts";
import { readTemplate } from "./read-template.ts";
import { type StarterFile, starterFiles } from "./starter-files.ts";

type Person = { username: string; fullName: string; repository: string };

export type TemplateTools = Omit<GiteaTools, "settings"> & {
  settings: Settings<"gitea" | "templates">;
  now: () => Date;
  /** The files that a new repository begins with, in a fixed order. */
  filesFor(person: Person): Promise<StarterFile[]>;
};

/** Gitea, the commit's settings and where starter files come from: `bundled`, or a repository that an organisation keeps. */
export const connectTemplates: Connect<TemplateTools> = async (environment) => {
  const [openGitea, settings] = await Promise.all([
    connectGitea(environment),
    loadSettings(["gitea", "templates"], environment),
  ]);
  return (invocation) => {
    const { gitea, once } = openGitea(invocation);
    const filesFor = async (person: Person) => {
      if (settings.TEMPLATES === "bundled") return starterFiles({ ...person, livyUrl: settings.LIVY_URL });
      return await once("template", () => readTemplate(gitea, settings.TEMPLATES));
    };
    return { gitea, settings, once, now: () => new Date(), filesFor };
  };
};
