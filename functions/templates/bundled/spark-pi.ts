import { code, markdown, notebook } from "./notebook.ts";
import { inPython, type Person } from "./person.ts";

/** A first Spark job, by hand: one session, one computation on many executors, tidy up. */
export function sparkPi({ livyUrl }: Person): string {
  return notebook([
    markdown(
      "idea",
      `
# Pi, by throwing darts

Throw darts at random at a square of side 1. The quarter of a circle inside it has the area pi / 4, so that share of the
darts lands within distance 1 of the corner. Every dart is independent of the others: work that a cluster can share out.

Needs the Spark cluster; the first session may take a minute or two to start.
`,
    ),
    code(
      "session",
      `
%load_ext sparkmagic.magics
livy_url = ${inPython(livyUrl)}
%spark add --session pi --language python --url {livy_url} --skip
`,
    ),
    markdown(
      "darts",
      `
Cells that begin with \`%%spark\` run on the cluster, not here. Each task gets its own seed, so the result is the same
whenever you run it.
`,
    ),
    code(
      "estimate",
      `
%%spark --session pi
from random import Random

TASKS = 16
DARTS_PER_TASK = 250_000


def hits(task):
    random = Random(task)
    return sum(random.random() ** 2 + random.random() ** 2 <= 1 for _ in range(DARTS_PER_TASK))


inside = spark.sparkContext.parallelize(range(TASKS), TASKS).map(hits).sum()
print("pi is about", 4 * inside / (TASKS * DARTS_PER_TASK))
`,
    ),
    markdown(
      "table",
      `
The same with a table instead of Python functions: Spark's own code throws the darts, which is much faster. Add a zero to the
number and run it again: a hundred times the darts make the error about ten times smaller.
`,
    ),
    code(
      "faster",
      `
%%spark --session pi
from pyspark.sql import functions as F

DARTS = 50_000_000
darts = spark.range(DARTS).select(F.rand(seed=1).alias("x"), F.rand(seed=2).alias("y"))
inside = darts.where("x * x + y * y <= 1").count()
print("pi is about", 4 * inside / DARTS)
`,
    ),
    markdown("tidy", "Give the cluster its memory back when you are done. Nothing in this notebook is lost by it."),
    code("delete", "%spark delete --session pi"),
  ]);
}
