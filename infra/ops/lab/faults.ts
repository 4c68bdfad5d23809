import * as z from "zod";
import { faultRule } from "../../local/gitea/faults.ts";
import { UsageError } from "../usage-error.ts";

type FaultRule = z.input<typeof faultRule>;

/** Ways in which a Gitea can fail, by the names that `lab fail` knows; each can be narrowed by method and path. */
export const FAULTS: Readonly<Record<string, { rule: FaultRule; means: string }>> = {
  refuse: { rule: { status: 400 }, means: "Gitea refuses (400): a dead letter at once" },
  down: { rule: { status: 503 }, means: "Gitea answers 503: tried again, a dead letter after RETRY_FOR_MINUTES" },
  unauthorized: { rule: { status: 401 }, means: "hubforge's token is refused (401): tried again, loudly" },
  cut: { rule: { drop: "before" }, means: "the connection breaks before anything happens" },
  lost: { rule: { drop: "after" }, means: "it happens, but the answer is lost" },
  slow: { rule: { lateMilliseconds: 5_000 }, means: "the answer comes after 5 s" },
};

const Rules = z.array(faultRule.extend({ seen: z.number(), hit: z.number() }));
/** A rule that is in force, how many requests it matched and how many of those it hit. */
export type ActiveFault = z.infer<typeof Rules>[number];

/** The stand-in's `/_lab/faults` (infra/local/gitea/lab.ts). @throws UsageError where no stand-in is */
export function openLab(giteaUrl: string) {
  const ask = async (method: "GET" | "POST" | "DELETE", body?: FaultRule): Promise<Response> => {
    const response = await fetch(`${giteaUrl}/_lab/faults`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    }).catch((cause: unknown) => {
      throw new UsageError(`no answer from ${giteaUrl}: is the local stack still running?`, { cause });
    });
    if (response.status === 404)
      throw new UsageError(`${giteaUrl} is a real Gitea: only the stand-in can be told to fail`);
    if (!response.ok) throw new UsageError(`the stand-in does not take that fault: ${await response.text()}`);
    return response;
  };
  return {
    fail: async (rule: FaultRule): Promise<ActiveFault[]> => Rules.parse(await (await ask("POST", rule)).json()),
    list: async (): Promise<ActiveFault[]> => Rules.parse(await (await ask("GET")).json()),
    heal: async (): Promise<void> => {
      await ask("DELETE");
    },
  };
}
