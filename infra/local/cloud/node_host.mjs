// Runs one deployed function in this process, in the place of Lambda's runtime (see node_executor.py): a JSON line per event on
// standard input, a JSON line per answer on the descriptor HUBFORGE_RESULTS. Standard output and error are the function's log.
import { existsSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const results = Number(process.env.HUBFORGE_RESULTS);
const tell = (message) => writeSync(results, `${JSON.stringify(message)}\n`);

const describe = (error) =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") }
    : { errorType: "Error", errorMessage: String(error), trace: [] };

async function load() {
  const dot = process.env._HANDLER.lastIndexOf(".");
  const [path, name] = [process.env._HANDLER.slice(0, dot), process.env._HANDLER.slice(dot + 1)];
  const file = [".mjs", ".js", ".cjs"].map((ending) => `${process.cwd()}/${path}${ending}`).find(existsSync);
  if (!file) throw new Error(`there is no ${path}.mjs, .js or .cjs`);
  const loaded = await import(pathToFileURL(file).href);
  const handler = loaded[name] ?? loaded.default?.[name];
  if (typeof handler !== "function") throw new Error(`${process.env._HANDLER} is not a function`);
  return handler;
}

function contextOf({ id, arn, timeout }) {
  const deadline = Date.now() + timeout * 1000;
  return {
    awsRequestId: id,
    invokedFunctionArn: arn,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

const loading = load();
await loading.catch(() => undefined); // an import error answers every event
tell({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  let answer;
  try {
    const handler = await loading;
    answer = { id: call.id, result: (await handler(call.event, contextOf(call))) ?? null };
  } catch (error) {
    answer = { id: call.id, error: describe(error) };
  }
  process.stdout.write(`\0${call.id}\n`); // everything before this belongs to this event
  tell(answer);
}
