import type { CheckGroup } from "./check.ts";
import type { Deployment } from "./deployment.ts";

/** Whatever asks AWS needs it. */
export const REGION = "AWS region";

/** Once and first: without a region every question to AWS would fail for the same reason. */
export function regionCheck({ region }: Deployment): CheckGroup {
  const advice = "set AWS_REGION to the region that it is deployed in";
  return { group: "AWS", checks: [{ name: REGION, advice, look: region }] };
}
