import { type Case, type Measured, startBench } from "./run.ts";

/** `npm run bench:sync [-- 1000 10000]`: what a run of the directory sync costs, by the number of people. */
const CASES: Case[] = ["bare reads", "directory", "no change", "1 % changed", "first fill"];
const asked = process.argv.slice(2).map(Number);
const counts = asked.length > 0 ? asked : [1_000, 10_000, 100_000];
const say = (text: string) => void process.stdout.write(`${text}\n`);

const cost = new Map<string, Measured>();
say("people   case          seconds   CPU seconds   peak RSS growth   requests to Gitea   messages");
for (const count of counts) {
  const bench = await startBench(count);
  try {
    for (const what of CASES) {
      const measured = await bench.measure(what);
      cost.set(`${count} ${what}`, measured);
      const columns = [
        String(count).padStart(6),
        what.padEnd(11),
        measured.seconds.toFixed(2).padStart(9),
        measured.cpuSeconds.toFixed(2).padStart(11),
        `${measured.megabytes.toFixed(0)} MB`.padStart(17),
        String(measured.requests).padStart(19),
        String(measured.sent).padStart(10),
      ];
      say(columns.join("   "));
    }
  } finally {
    await bench.stop();
  }
}
const ratio = (one: string, other: string) => {
  const [over, under] = [cost.get(one), cost.get(other)];
  if (!over || !under) return "not measured";
  const [wall, cpu] = [over.seconds / under.seconds, over.cpuSeconds / under.cpuSeconds];
  return `${wall.toFixed(2)} × (by CPU time ${cpu.toFixed(2)} ×)`;
};
for (const count of counts) {
  say(
    `${count} people, no change, beside the bare reads of the same pages: ${ratio(`${count} no change`, `${count} bare reads`)}, goal ≤ 1.3`,
  );
}
say(`no change, from 10,000 to 100,000 people: ${ratio("100000 no change", "10000 no change")}, goal ≤ 11`);
