import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import * as z from "zod";
import { listen } from "./ports.ts";

const Question = z.object({ Name: z.string().optional(), SecretId: z.string().optional() });

/**
 * Parameter Store and Secrets Manager on loopback, as far as one value is read: AWS's JSON protocol, which the real clients
 * speak when `AWS_ENDPOINT_URL` names this place.
 */
export async function startSecretStore() {
  const parameters = new Map<string, string>();
  const secrets = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const action = String(request.headers["x-amz-target"]);
    const { Name, SecretId } = Question.parse(await json(request));
    const name = Name ?? SecretId ?? "";
    asked.push(name);
    const isParameter = action === "AmazonSSM.GetParameter";
    const value = isParameter ? parameters.get(name) : secrets.get(name);
    const missing = isParameter ? "ParameterNotFound" : "ResourceNotFoundException";
    const found = isParameter ? { Parameter: { Name: name, Value: value } } : { Name: name, SecretString: value };
    const body = value === undefined ? { __type: missing, message: `there is no ${name}` } : found;
    response.writeHead(value === undefined ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify(body));
  });
  return {
    endpoint: `http://127.0.0.1:${await listen(server)}`,
    parameters,
    secrets,
    /** Names in the order in which they were read. */
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
