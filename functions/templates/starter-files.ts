import { ilumIntro } from "./bundled/ilum-intro.ts";
import type { Person } from "./bundled/person.ts";
import { sparkPi } from "./bundled/spark-pi.ts";
import { sparkmagic } from "./bundled/sparkmagic.ts";
import { sparkmagicConfig } from "./bundled/sparkmagic-config.ts";
import { GITIGNORE, readme, workReadme } from "./bundled/texts.ts";

export type StarterFile = { path: string; content: Uint8Array };

/**
 * The bundled starter files for one person, always in this order and with the same bytes for the same person, so that the
 * commit's SHA is known before it is made. Names and addresses are put in so that they stay text.
 */
export function starterFiles(person: Person): StarterFile[] {
  const named = { ...person, fullName: person.fullName.trim() || person.username };
  const texts = {
    "README.md": readme(named),
    "IlumIntro.ipynb": ilumIntro(named),
    "examples/spark-pi.ipynb": sparkPi(named),
    "examples/sparkmagic.ipynb": sparkmagic(named),
    ".sparkmagic/config.json": sparkmagicConfig(named),
    "work/README.md": workReadme(named),
    ".gitignore": GITIGNORE,
  };
  return Object.entries(texts).map(([path, text]) => ({ path, content: Buffer.from(text) }));
}
