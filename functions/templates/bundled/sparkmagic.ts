import { code, markdown, notebook } from "./notebook.ts";
import { inPython, type Person } from "./person.ts";

/** A tour of Sparkmagic: session, table, SQL, results as pandas, logs, tidy up. */
export function sparkmagic({ livyUrl }: Person): string {
  return notebook([
    markdown(
      "two-pythons",
      `
# Sparkmagic: two Pythons in one notebook

Plain cells run **here**, on your server. Cells that begin with \`%%spark\` run **there**, in a Spark session that Sparkmagic
opens through Livy. The two share no variables; results come back on request. How much memory a session asks for stands in
\`.sparkmagic/config.json\` of this repository, and the next cell points Sparkmagic to it.
`,
    ),
    code(
      "settings",
      `
import os
from pathlib import Path

here = Path.cwd()
folders = [folder / ".sparkmagic" for folder in [here, *here.parents]]
settings = next((folder for folder in folders if (folder / "config.json").is_file()), None)
if settings is not None:
    os.environ["SPARKMAGIC_CONF_DIR"] = str(settings)
print("Settings of Sparkmagic:", settings or "its own defaults")

%load_ext sparkmagic.magics
`,
    ),
    markdown(
      "open",
      "Open a session. With `--skip` the cell may be run again: a session that is there already is kept.",
    ),
    code(
      "session",
      `
livy_url = ${inPython(livyUrl)}
%spark add --session tour --language python --url {livy_url} --skip
`,
    ),
    markdown(
      "make",
      "## A table on the cluster\n\nA million readings of ten sensors, made up by Spark and given a name for SQL.",
    ),
    code(
      "readings",
      `
%%spark --session tour
from pyspark.sql import functions as F

readings = (
    spark.range(1_000_000)
    .withColumn("sensor", F.col("id") % 10)
    .withColumn("celsius", F.round(15 + F.col("sensor") + 3 * F.randn(seed=7), 2))
)
readings.createOrReplaceTempView("readings")
readings.show(5)
`,
    ),
    markdown(
      "bring-back",
      `
## SQL there, pandas here

\`--context sql\` runs a query in the session, \`--output\` brings its result back as a pandas table: make it small on the
cluster first, then fetch it.
`,
    ),
    code(
      "query",
      `
%%spark --session tour --context sql --output averages
SELECT sensor, count(*) AS readings, round(avg(celsius), 2) AS average, round(max(celsius), 2) AS highest
FROM readings
GROUP BY sensor
ORDER BY sensor
`,
    ),
    code(
      "local",
      `
warmest = averages.sort_values("average", ascending=False).head(3)
print("The three warmest sensors:")
print(warmest.to_string(index=False))
`,
    ),
    markdown("trouble", "## When something goes wrong\n\nWhich sessions there are, and the end of the session's log:"),
    code("logs", "%spark info\n%spark logs --session tour"),
    markdown(
      "tidy",
      `
## Tidy up

A session holds memory on the cluster until it is deleted.

The kernels *PySpark*, *Spark* and *SparkR* send every cell to Spark without \`%%spark\`. They read their settings from your
home folder: \`cp -r .sparkmagic ~/\` in a terminal, in this repository's folder, lets them use these.
`,
    ),
    code("delete", "%spark delete --session tour"),
  ]);
}
