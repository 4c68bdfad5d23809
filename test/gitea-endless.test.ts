import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { boundedFetch } from "#shared/gitea/bounded-fetch.ts";
import { connectGitea, type Gitea } from "#shared/gitea.ts";
import { listen } from "./support/ports.ts";

const MEGABYTE = Buffer.alloc(2 ** 20, " ");
const PACKED = gzipSync(Buffer.alloc(64 * 2 ** 20, " "));

type Listener = Parameters<typeof createServer>[1];
const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** Something that is not Gitea where GITEA_URL leads. */
async function answering(listener: Listener): Promise<{ url: string; gitea: Gitea }> {
  const server = createServer(listener);
  servers.push(server);
  const url = `http://127.0.0.1:${await listen(server)}`;
  const open = await connectGitea({ GITEA_URL: url, GITEA_TOKEN: "t" });
  const { gitea } = open({ signal: AbortSignal.timeout(10_000), requests: { total: 0, writes: 0 } });
  return { url, gitea };
}

describe("an answer without an end", () => {
  it("is given up after 32 MiB, long before it fills the function's memory", async () => {
    let sent = 0;
    const { gitea } = await answering((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const push = () => {
        while (!response.destroyed && response.write(MEGABYTE)) sent += 1;
        if (!response.destroyed) response.once("drain", push);
      };
      push();
    });
    await expect(gitea.users.find("ada")).rejects.toMatchObject({ code: "gitea.unreadable" });
    expect(sent).toBeLessThan(64);
  });

  it("may come packed into a few bytes", async () => {
    const { gitea } = await answering((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(PACKED);
    });
    await expect(gitea.users.find("ada")).rejects.toMatchObject({ code: "gitea.unreadable" });
  });

  it("has nothing to do with a long one: 20 MB arrive whole, announced or not", async () => {
    const text = "x".repeat(20_000_000);
    for (const headers of [{}, { "content-length": String(text.length) }]) {
      const { url } = await answering((_, response) => void response.writeHead(200, headers).end(text));
      expect((await (await boundedFetch(url)).text()).length).toBe(text.length);
    }
  });
});
