import type { Command } from "commander";
import type { Run } from "../command-line.ts";
import { LETTER_CLASSES } from "../options.ts";
import { discard } from "./discard.ts";
import { exportLetters } from "./export-letters.ts";
import { listLetters } from "./list-letters.ts";
import { replay } from "./replay.ts";
import { showLetters } from "./show-letters.ts";
import { stats } from "./stats.ts";

/** `hubforge dead-letters …`: one filter language in all of them. */
export function deadLetters(program: Command, run: Run): void {
  const group = program.command("dead-letters").description("what could not be done, and why");
  withFilter(group.command("list")).description("one line per letter, oldest first").action(run(listLetters));
  withFilter(group.command("show").argument("[id...]", "beginnings of letter ids"))
    .description("everything about the letters that match")
    .action(run(showLetters));
  withExecution(withFilter(group.command("replay")))
    .description("send through again, from the first stage; a plan unless --execute")
    .option("--rate <count/s>", "deliveries a second, e.g. 5/s or 30/m (default 10/s)")
    .option("--concurrency <count>", "people at once (default 4)")
    .option("--reason <text>", "why: kept in the envelope and every log line of the replay")
    .option("--anyway", "also while another reader holds letters")
    .option("--no-ask", "do not ask LDAP and Gitea what the replay would come to")
    .action(run(replay));
  withExecution(withFilter(group.command("discard")))
    .description("delete for good; a plan unless --execute")
    .option("--all", "also without any filter")
    .action(run(discard));
  withFilter(group.command("export"), { isStream: true })
    .description("whole messages, one JSON object a line; the queue keeps them")
    .option("--out <file>", "into a new file instead of stdout")
    .action(run(exportLetters));
  withFilter(group.command("stats")).description("how many, by stage and reason").action(run(stats));
}

/** What is written while it is read cannot know which letters are the oldest: no `--limit` there. */
function withFilter(command: Command, { isStream = false } = {}): Command {
  if (!isStream) command.option("--limit <count>", "at most so many, the oldest");
  return command
    .option("--user <name>", "a person, by any of their names, in any case")
    .option("--stage <stage>", "the stage that failed")
    .option("--code <code>", "the reason's code; gitea.* for all that begin so")
    .option("--class <class>", LETTER_CLASSES.join(", "))
    .option("--since <time>", "failed since: 2h, 3d, 2026-11-24 or an ISO time")
    .option("--until <time>", "failed until")
    .option("--id <id>", "the beginning of a letter's id, or a delivery's id; may be repeated", collect)
    .option("--hold <seconds>", "for how long letters stay hidden if this command is killed (default 120)");
}

function withExecution(command: Command): Command {
  return command
    .option("--execute", "do it, after a confirmation")
    .option("--plan <hash>", "only if the letters are still those of this plan")
    .option("--yes", "confirm beforehand");
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
