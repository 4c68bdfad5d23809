import { type Case, startBench } from "./run.ts";

/** `npm run bench:sync [-- 1000 10000]`: what a run of the directory sync costs, by the number of people. */
const CASES: Case[] = ["bare reads", "directory", "no change", "1 % changed", "first fill"];
const asked = process.argv.slice(2).map(Number);
const counts = asked.length > 0 ? asked : [1_000, 10_000, 100_000];
const say = (text: string) => void process.stdout.write(`${text}\n`);

const seconds = new Map<string, number>();
say("people   case          seconds   peak RSS growth   requests to Gitea   messages");
for (const count of counts) {
  const bench = await startBench(count);
  try {
    for (const what of CASES) {
      const measured = await bench.measure(what);
      seconds.set(`${count} ${what}`, measured.seconds);
      const columns = [
        String(count).padStart(6),
        what.padEnd(11),
        measured.seconds.toFixed(2).padStart(9),
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
for (const count of counts) {
  const ratio = (seconds.get(`${count} no change`) ?? 0) / (seconds.get(`${count} bare reads`) ?? 1);
  say(`${count} people, no change: ${ratio.toFixed(2)} × the bare reads of the same pages (goal ≤ 1.3)`);
}
const growth = (seconds.get("100000 no change") ?? Number.NaN) / (seconds.get("10000 no change") ?? 1);
if (!Number.isNaN(growth)) say(`from 10,000 to 100,000 people: ${growth.toFixed(1)} × (goal ≤ 11)`);
