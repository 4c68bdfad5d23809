import { Envelope } from "./envelope.ts";
import { ROUTES, type StageName } from "./pipeline.ts";

type Parsed = { envelope: Envelope; problem?: never } | { envelope?: never; problem: string };

/** Reads a queue message; `problem` says what is not as an envelope, or as one for `stage`, should be. */
export function parseEnvelope(body: string, stage?: StageName): Parsed {
  let content: unknown;
  try {
    content = JSON.parse(body);
  } catch {
    return { problem: "the message is not JSON" };
  }
  const parsed = Envelope.safeParse(content);
  if (!parsed.success) {
    const issues = parsed.error.issues
      .slice(0, 5)
      .map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`);
    return { problem: `the message is not an envelope: ${issues.join("; ")}` };
  }
  const envelope = parsed.data;
  if (stage === undefined || ROUTES[envelope.route].includes(stage)) return { envelope };
  return { problem: `the route ${envelope.route} does not pass the stage ${stage}` };
}
