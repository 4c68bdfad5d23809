import type { Command } from "commander";
import type { Run } from "../command-line.ts";
import { link } from "./link-account.ts";
import { rebind } from "./rebind-account.ts";

/** `hubforge accounts …`: what only a person can decide, namely who owns an account. */
export function accounts(program: Command, run: Run): void {
  const group = program.command("accounts").description("decide whose a Gitea account is");
  withDecision(group.command("link"))
    .argument("<user>", "the person, as in the directory or in the letter")
    .option("--account <name>", "the Gitea account, where it has another name")
    .description("an account that looks like somebody else's is this person's; then their letters are replayed")
    .action(run(link));
  withDecision(group.command("rebind"))
    .argument("<user>", "the person, as in the directory")
    .description("the same human has a new directory id; then their letters are replayed")
    .action(run(rebind));
}

function withDecision(command: Command): Command {
  return command
    .option("--execute", "do it, after a confirmation")
    .option("--plan <hash>", "only if everything is still as in this plan")
    .option("--yes", "confirm beforehand")
    .option("--anyway", "also while another reader holds letters")
    .option("--reason <text>", "why: kept in the envelopes and log lines of the replay")
    .option("--rate <count/s>", "deliveries a second (default 10/s)")
    .option("--concurrency <count>", "people at once (default 4)")
    .option("--hold <seconds>", "for how long letters stay hidden if this command is killed (default 120)");
}
