import { code, markdown, notebook } from "./notebook.ts";
import { inMarkdown, inPython, type Person } from "./person.ts";

/** The first notebook that somebody opens: what is here, does Spark answer, how work is saved. */
export function ilumIntro({ username, fullName, repository, livyUrl }: Person): string {
  return notebook([
    markdown(
      "welcome",
      `
# Welcome, ${inMarkdown(fullName)}

This folder is your own Git repository, ${inMarkdown(repository)}. Whatever you commit and push here is kept in Gitea, also
when this server is stopped. Select a cell and press **Shift + Enter** to run it.
`,
    ),
    code(
      "hello",
      `
import platform
from datetime import date

person = ${inPython(fullName)}
username = ${inPython(username)}
print(f"Hello {person}! You are {username} in Gitea, today is {date.today():%A, %d %B %Y}.")
print(f"This notebook runs Python {platform.python_version()} on {platform.node()}.")
`,
    ),
    markdown(
      "spark",
      `
## Does Spark answer?

Large computations run on the Spark cluster. Notebooks reach it through a Livy address; the next cell asks whether somebody
is at home there.
`,
    ),
    code(
      "livy",
      `
import json
from urllib.request import urlopen

livy_url = ${inPython(livyUrl)}

try:
    with urlopen(f"{livy_url}/sessions", timeout=10) as answer:
        sessions = json.load(answer).get("sessions", [])
    print(f"{livy_url} answers. Spark sessions at the moment: {len(sessions)}")
except (OSError, ValueError) as problem:
    print(f"{livy_url} does not answer: {problem}")
    print("Ask whoever runs this hub; everything without Spark works all the same.")
`,
    ),
    markdown(
      "git",
      `
## Saving your work

Saving a notebook writes it to this server's disk. To keep it in Gitea as well, commit and push it: in the Git panel on the
left, or in a terminal (**File → New → Terminal**):

    git add -A
    git commit -m "What I did"
    git push

You are signed in already: Git asks for no password here. The next cell shows what has changed and what was committed last.
`,
    ),
    code("status", "!git status --short --branch\n!git log --oneline -5"),
    markdown(
      "next",
      `
## Where to go from here

- [examples/spark-pi.ipynb](examples/spark-pi.ipynb): a first computation on the cluster, in four cells.
- [examples/sparkmagic.ipynb](examples/sparkmagic.ipynb): tables, SQL and bringing results back into this notebook.
- [work/](work/): an empty folder for your own things.

All of this is yours: change it, move it, delete it. Nobody will overwrite it.
`,
    ),
  ]);
}
