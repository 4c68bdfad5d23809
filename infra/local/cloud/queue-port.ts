import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { preferPort } from "../hub/free-ports.ts";

/**
 * Where ministack has to listen: it keeps its queues by their whole URL, so with another port than theirs every event would be
 * accepted and none ever taken on. A free port in a folder that keeps no queues.
 * @throws Error with one sentence where that port is taken
 */
export async function queuePort(dir: string): Promise<number> {
  const kept = await portOfQueues(join(dir, "sqs.json"));
  if (kept === undefined) return await preferPort(0);
  if ((await preferPort(kept)) !== kept) {
    throw new Error(
      `port ${kept} is taken by another program, and the queues that ${dir} keeps can be found at that port alone: end the program (lsof -i :${kept} names it), or delete that folder, and with it the events that wait there`,
    );
  }
  return kept;
}

async function portOfQueues(state: string): Promise<number | undefined> {
  const text = await readFile(state, "utf8").catch((error: Error) => {
    if ("code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  const [, port] = /"http:\/\/127\.0\.0\.1:(\d{1,5})\/\d{12}\//.exec(text) ?? [];
  return port === undefined ? undefined : Number(port);
}
