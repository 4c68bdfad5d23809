import { createRunFolder } from "../../infra/local/run-folder.ts";
import { startLocalStack } from "../../infra/local/stack.ts";
import { publishStack } from "../../infra/ops/publish-stack.ts";

/** A local stack as a process of its own, as `npm start` runs it, without a first login: it says when it is up. */
const folder = createRunFolder();
const stack = await startLocalStack({ dir: folder.path, settings: { RETRY_FOR_MINUTES: "1" } });
publishStack(folder.path, stack);
process.stdout.write(`${JSON.stringify({ url: stack.url, hub: stack.hub, secret: stack.secret })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await stack.stop();
    folder.remove();
  });
}
