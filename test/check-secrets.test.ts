import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { checkSecrets } from "../infra/deploy/check-secrets.ts";
import { startSecretStore } from "./support/secret-store.ts";

let store: Awaited<ReturnType<typeof startSecretStore>>;
beforeEach(async () => {
  store = await startSecretStore();
  vi.stubEnv("AWS_ENDPOINT_URL", store.endpoint);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await store.stop();
});

const PUT = "aws ssm put-parameter --type SecureString --name";
const ARN = "arn:aws:ssm:eu-central-1:123456789012:parameter";

it.each([
  ["ssm:/uni/token", `${PUT} /uni/token --value file:///dev/stdin`],
  ["ssm:/uni/token:3", `${PUT} /uni/token --value`],
  [`ssm:${ARN}/uni/token:3`, `${PUT} /uni/token --value`],
  [`ssm:${ARN}/token`, `${PUT} token --value`],
  ["secretsmanager:uni/gitea#token", "aws secretsmanager create-secret --name uni/gitea --secret-string"],
])("of a missing %s it says how it is made, by the name that it has there", async (GITEA_TOKEN, command) => {
  await expect(checkSecrets({ GITEA_TOKEN })).rejects.toThrow(
    `GITEA_TOKEN: there is no ${GITEA_TOKEN}\n    ${command}`,
  );
});

it("asks for a secret by its id, and is content with what is there", async () => {
  store.parameters.set("/uni/token:3", "x");
  store.secrets.set("uni/ldap", "{}");
  const settings = {
    GITEA_TOKEN: "ssm:/uni/token:3",
    LDAP_BIND_PASSWORD: "secretsmanager:uni/ldap#password",
    X: "text",
  };
  await expect(checkSecrets(settings)).resolves.toBeUndefined();
  expect(store.asked.toSorted()).toEqual(["/uni/token:3", "uni/ldap"]);
});
