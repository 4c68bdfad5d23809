import { inMarkdown, type Person } from "./person.ts";

/** The page that Gitea shows for the repository. */
export function readme({ username, fullName, repository }: Person): string {
  return `# Notebooks of ${inMarkdown(fullName)}

Your own repository (${inMarkdown(repository)}, Gitea account ${inMarkdown(username)}). Your notebook server has a clone of it; what you push is
kept here, also when the server is stopped.

| where | what |
|---|---|
| [IlumIntro.ipynb](IlumIntro.ipynb) | start here |
| [examples/](examples/) | Spark, from a first computation to SQL |
| [work/](work/) | yours, still empty |
| [.sparkmagic/config.json](.sparkmagic/config.json) | which Spark the notebooks use, and how much memory they ask for |

## Keep your work

    git add -A
    git commit -m "What I did"
    git push

Git asks for no password on your notebook server. If somebody pushed in between (you, from another server, too), run
\`git pull --rebase\` first.

## Share it

The repository is private. Under *Settings → Collaborators* you decide who else may read or write it, where your platform
leaves that to you. The files here were put in once, when the repository was new; they are yours to change or delete, and
nothing overwrites them.
`;
}

export function workReadme({ fullName }: Person): string {
  return `# Work

An empty folder for the notebooks of ${inMarkdown(fullName)}.

- One folder for each subject keeps things easy to find.
- Large data does not belong into Git: leave it where Spark can read it, and commit the code that reads it.
- Clear the outputs of a notebook before you commit it (**Edit → Clear Outputs of All Cells**): changes stay readable.
`;
}

/** What a notebook server leaves behind and nobody wants to push. */
export const GITIGNORE = `.ipynb_checkpoints/
__pycache__/
*.pyc
.venv/
.sparkmagic/logs/
metastore_db/
spark-warehouse/
derby.log
.env
.DS_Store
`;
