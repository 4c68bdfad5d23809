import { readQueues } from "../../local/resources.ts";
import { type Check, type CheckGroup, failed, warning } from "./check.ts";
import { type Deployment, skewOf } from "./deployment.ts";
import { examined, REACHABLE } from "./gitea-checks.ts";
import { queueCheck } from "./queue-checks.ts";

/** Half of what the ingress lets a signature be ahead (shared/signature.ts): what two clocks may be apart in all. */
const MOST_SECONDS = 30;

const ADVICE = "set both clocks by NTP; signatures, tokens and the age of accounts are compared by them";

/** How far other clocks are from the one of this machine, by the `Date` header of an answer. */
export function clockChecks(deployment: Deployment): CheckGroup {
  return { group: "clocks", checks: [ofGitea(deployment), ...ofQueues(deployment)] };
}

function ofGitea(deployment: Deployment): Check {
  return {
    name: "clock of Gitea",
    needs: [REACHABLE],
    advice: ADVICE,
    look: async () => {
      const gitea = await examined(deployment);
      const sentAt = Date.now();
      const date = await gitea.knock();
      return judge(date && skewOf(date, sentAt));
    },
  };
}

function ofQueues(deployment: Deployment): Check[] {
  const queue = readQueues(deployment.place).find(({ queue: name }) => name === "dead-letters");
  if (!queue) throw new Error("infra/queues.yml has no queue dead-letters");
  const look = async () => judge((await deployment.attributes(queue)).skewMilliseconds);
  return [{ name: "clock of SQS", needs: [queueCheck(queue)], advice: ADVICE, look }];
}

function judge(skewMilliseconds: number | undefined) {
  if (skewMilliseconds === undefined) {
    return warning("the answer tells no time (no Date header)", "let the proxy in front of it pass that header on");
  }
  const seconds = Math.round(skewMilliseconds / 1000);
  const told =
    seconds === 0 ? "the same as here" : `${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} this machine`;
  return Math.abs(skewMilliseconds) > MOST_SECONDS * 1000 ? failed(told) : told;
}
