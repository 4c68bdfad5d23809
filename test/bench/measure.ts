import { loadSettings } from "#shared/config.ts";
import { createConnect, FULL_READ_LIMITS } from "#shared/directory/connection.ts";
import { compileFilters } from "#shared/directory/filters.ts";
import { personAttributes } from "#shared/directory/person.ts";
import { connectSync, runSync } from "../../functions/directory-sync/run-sync.ts";

/** In a process of its own, so that its memory is that of one run: `node test/bench/measure.ts sync|directory|bare [path …]` */
const [what, ...paths] = process.argv.slice(2);
const signal = AbortSignal.timeout(600_000);
const requests = { total: 0, writes: 0 };
// Loading the code is a cold start's, not the run's.
const connect = await connectSync(process.env);
globalThis.gc?.();
const before = process.memoryUsage.rss();
const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
const sent = await run();
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpu);
const cpuSeconds = (user + system) / 1_000_000;
const growth = process.resourceUsage().maxRSS * 1024 - before;
process.stdout.write(
  JSON.stringify({ seconds, cpuSeconds, megabytes: growth / 2 ** 20, requests: requests.total, sent }),
);

async function run(): Promise<number> {
  const tools = connect({ signal, requests });
  if (what === "bare") return await readBare();
  if (what === "sync") return (await runSync({ now: new Date() }, tools)).sent;
  await tools.directory.readAll({ groupDns: [] }, signal);
  return 0;
}

/** The same pages of both sides, four at a time as the sync reads them, and nothing made of them. */
async function readBare(): Promise<number> {
  const settings = await loadSettings(["directory"], process.env);
  const filters = compileFilters(settings);
  const readDirectory = createConnect(settings, { now: Date.now, limits: FULL_READ_LIMITS })(
    signal,
    async (connection) => {
      const people = { filter: filters.anyPerson(), attributes: personAttributes(settings) };
      for await (const _ of connection.pages(settings.LDAP_USER_SEARCH_BASE ?? "", people));
      const groups = { filter: filters.anyGroup(), attributes: ["cn", "member", "entryUUID"] };
      for await (const _ of connection.pages(settings.LDAP_GROUP_SEARCH_BASE ?? "", groups));
    },
  );
  const urls = [...paths];
  const readList = async () => {
    for (let path = urls.pop(); path; path = urls.pop()) {
      await (await fetch(`${process.env["GITEA_URL"]}${path}`)).json();
    }
  };
  await Promise.all([readDirectory, readList(), readList(), readList(), readList()]);
  return 0;
}
