import { Permanent } from "#shared/errors.ts";
import type { Gitea } from "#shared/gitea.ts";
import type { StarterFile } from "./starter-files.ts";

// A commit of 20 MB takes 2.5 s (shared/gitea/README.md §7); a starter set is kilobytes. Beyond this somebody named the
// wrong repository.
const LARGEST_TEMPLATE_BYTES = 10_000_000;
const MOST_FILES = 100;

/** Files are read one by one, each by Gitea starting Git: a few at a time are as fast as many, and leave it room. */
const AT_ONCE = 4;

/**
 * The template `gitea:<owner>/<repo>@<ref>`: every file of that commit, as it is.
 * @throws Permanent `template.missing`, `template.too-large`, `template.unusable`
 */
export async function readTemplate(gitea: Gitea, source: string): Promise<StarterFile[]> {
  const [, owner, name, ref] = /^gitea:([^/]+)\/([^@]+)@(.+)$/.exec(source) ?? [];
  if (!owner || !name || !ref) throw new Permanent("template.missing", `TEMPLATES "${source}" names no repository`);
  const place = { owner, name };
  const entries = await gitea.files.list(place, ref);
  // Gitea would make an empty commit, and nobody would see that the template is gone (rule 17 of shared/gitea/README.md).
  if (!entries || entries.length === 0) {
    const what = `TEMPLATES: repository ${owner}/${name} has no files at ${ref}, or hubforge may not read it`;
    throw new Permanent("template.missing", what);
  }
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  if (entries.length > MOST_FILES || bytes > LARGEST_TEMPLATE_BYTES) {
    const most = `at most ${MOST_FILES} and ${LARGEST_TEMPLATE_BYTES}`;
    const what = `TEMPLATES: ${owner}/${name}@${ref} has ${entries.length} files and ${bytes} bytes; ${most}`;
    throw new Permanent("template.too-large", what);
  }
  const odd = entries.find(({ isPlain }) => !isPlain);
  if (odd) {
    const what = `TEMPLATES: ${odd.path} in ${owner}/${name}@${ref} is a link or a submodule; only plain files can be copied`;
    throw new Permanent("template.unusable", what);
  }
  const files: StarterFile[] = [];
  for (let start = 0; start < entries.length; start += AT_ONCE) {
    const batch = entries.slice(start, start + AT_ONCE);
    const read = async ({ path }: { path: string }) => ({ path, content: await gitea.files.content(place, path, ref) });
    files.push(...(await Promise.all(batch.map(read))));
  }
  return files;
}
