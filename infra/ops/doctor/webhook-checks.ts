import { randomBytes, randomUUID } from "node:crypto";
import { signDelivery, type WebhookSecrets } from "#shared/signature.ts";
import { why } from "#shared/why.ts";
import { type Check, type CheckGroup, failed } from "./check.ts";
import type { Deployment } from "./deployment.ts";
import { REGION } from "./region-check.ts";
import { settingsCheck } from "./settings-checks.ts";

/** A function that was asleep, in a VPC, is awake by then. */
const WITHIN_MILLISECONDS = 15_000;
const INGRESS = "ingress reachable";

/**
 * From a signature to the ingress's answer. The event is of a type that no hub sends: the ingress looks at the signature
 * first (401) and refuses the type then (422), so nothing is queued either way.
 */
export async function webhookChecks(deployment: Deployment): Promise<CheckGroup> {
  const secrets = await deployment.settings("webhooks").then(
    ({ WEBHOOK_SECRETS }) => WEBHOOK_SECRETS,
    () => undefined, // the settings' own check says why
  );
  return {
    group: "webhooks",
    checks: [ofIngress(deployment), ...ofSecrets(secrets, deployment), ofStranger(deployment)],
  };
}

function ofIngress(deployment: Deployment): Check {
  return {
    name: INGRESS,
    needs: deployment.isIngressTold ? [] : [REGION],
    advice: `name it with --ingress <URL>, and see that it is deployed: ${deployment.redeploy}`,
    look: async () => {
      const url = await deployment.ingress();
      if (url === undefined) return failed("nobody has said where the ingress is");
      const status = await statusOf(`${url}/healthz`, deployment);
      return status === 200 ? `${url} answers` : failed(`GET ${url}/healthz answered ${status}`);
    },
  };
}

function ofSecrets(secrets: WebhookSecrets | undefined, deployment: Deployment): Check[] {
  const hubs = secrets ? Object.entries(secrets) : [["", []] as const];
  return hubs.map(([hub, active]) => ({
    name: secrets ? `webhook secret ${hub}` : "webhook secrets",
    needs: [settingsCheck("webhooks"), INGRESS],
    advice: `the ingress knows another secret for ${hub}: write the hub's into WEBHOOK_SECRETS, then ${deployment.redeploy}`,
    look: async () => {
      for (const [place, secret] of active.entries()) {
        const status = await post(secret, hub, deployment);
        const which = active.length > 1 ? `number ${place + 1} of ${active.length}` : "the secret";
        if (status === 401) return failed(`${which} is not taken (401)`);
        if (status !== 422)
          return failed(`an event of an unknown type was answered ${status}, should be 422`, deployment.redeploy);
      }
      return `${active.length === 1 ? "signed with it" : `signed with each of ${active.length}`}, an event of no known type is refused as that (422)`;
    },
  }));
}

function ofStranger(deployment: Deployment): Check {
  return {
    name: "webhook of a stranger",
    needs: [INGRESS],
    advice: `anybody could start pipelines: take that ingress away and ${deployment.redeploy}`,
    look: async () => {
      const status = await post(`whsec_${randomBytes(32).toString("base64")}`, "default", deployment);
      return status === 401
        ? "signed with another secret, it is refused (401)"
        : failed(`signed with another secret, it was answered ${status}`);
    },
  };
}

async function post(secret: string, hub: string, deployment: Deployment): Promise<number> {
  const timestamp = new Date();
  const body = JSON.stringify({
    type: "hubforge.doctor",
    timestamp: timestamp.toISOString(),
    data: { hub, user: "hubforge-doctor", server: "", session: "doctor" },
  });
  const headers = {
    "content-type": "application/json",
    ...signDelivery({ id: `doctor_${randomUUID()}`, timestamp, body, secrets: [secret] }),
  };
  return await statusOf(`${await deployment.ingress()}/v1/events`, deployment, { method: "POST", headers, body });
}

async function statusOf(url: string, { signal }: Deployment, init: RequestInit = {}): Promise<number> {
  try {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MILLISECONDS)]);
    const response = await fetch(url, { ...init, redirect: "manual", signal: inTime });
    await response.body?.cancel();
    return response.status;
  } catch (cause) {
    const deepest = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    throw new Error(`${init.method ?? "GET"} ${url}: no answer (${why(deepest)})`, { cause });
  }
}
