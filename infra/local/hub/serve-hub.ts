import { join } from "node:path";
import type { Screen } from "../progress.ts";
import type { RunFolder } from "../run-folder.ts";
import type { Stack } from "../stack.ts";
import { preferPort } from "./free-ports.ts";
import { type RealHub, startHub } from "./start-hub.ts";

/** JupyterHub's own. */
const PORT = 8000;

/** `npm start -- --hub`: a JupyterHub before `stack`, whose people sign in with what the directory says. */
export async function serveHub(stack: Stack, folder: RunFolder, screen: Screen): Promise<RealHub> {
  const directory = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("LDAP_")));
  const hub = await startHub({
    dir: join(folder.path, "hub"),
    hubforge: stack,
    directory,
    port: await preferPort(PORT),
    say: (line) => screen.say(`  ${screen.dim(line)}`),
  });
  screen.say(`  ${"JupyterHub".padEnd(12)} ${hub.url}`);
  return hub;
}

export function showLogin({ url, dir }: RealHub, { say, bold, dim }: Screen): void {
  say(`\n${bold("Log in")} at ${url}`);
  say(`  ${"ada".padEnd(12)} ada-password`);
  say(`  ${"bob".padEnd(12)} b/o:b@#%?& ${dim("more in infra/local/directory/seed.ldif")}`);
  say(`  ${dim(`the hub's log is ${join(dir, "hub.log")}; Ctrl-C here ends everything`)}\n`);
}
