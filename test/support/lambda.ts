import { createServer } from "node:http";
import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { listen } from "./ports.ts";

export type TestLambda = {
  endpoint: string;
  /** By function; a test changes them. */
  mappings: Map<string, EventSourceMappingConfiguration[]>;
  stop(): Promise<void>;
};

/** ListEventSourceMappings of Lambda on loopback: `GET /2015-03-31/event-source-mappings?FunctionName=…`. */
export async function startLambda(): Promise<TestLambda> {
  const mappings: TestLambda["mappings"] = new Map();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://lambda");
    const isKnown = request.method === "GET" && /^\/2015-03-31\/event-source-mappings\/?$/.test(pathname);
    const EventSourceMappings = mappings.get(searchParams.get("FunctionName") ?? "") ?? [];
    response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(isKnown ? { EventSourceMappings } : { Message: "no such question" }));
  });
  return {
    endpoint: `http://127.0.0.1:${await listen(server)}`,
    mappings,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
