import { afterAll, describe, expect, it } from "vitest";
import { loadSettings } from "#shared/config.ts";
import { Unauthorized } from "#shared/errors.ts";
import { examineGitea, SCOPES } from "#shared/gitea/examine.ts";
import { openGitea } from "../support/gitea.ts";
import { newToken } from "../support/gitea-builders.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

async function examineWith(token: string) {
  const environment = { GITEA_URL: gitea.url, GITEA_TOKEN: token, GITEA_AUTH_SOURCE_ID: String(gitea.sourceId) };
  const settings = await loadSettings(["gitea"], environment);
  return examineGitea(settings, { signal: AbortSignal.timeout(20_000), requests: { total: 0, writes: 0 } });
}

describe("a right is tried by a write that is refused for what it lacks", () => {
  it("each is there with all four scopes, and no account comes of it", async () => {
    const examined = await examineWith(await newToken(gitea, gitea.service, [...SCOPES]));
    const before = (await examined.accountsOf(0)).count;
    for (const scope of SCOPES) await examined.tryScope(scope, gitea.service);
    expect((await examined.accountsOf(0)).count).toBe(before);
    expect(await examined.whoAmI()).toEqual({ login: gitea.service, is_admin: true });
    expect(await examined.actAs(gitea.service)).toBe(gitea.service);
  });

  it.each(SCOPES)("%s is missing where the token may only read there", async (missing) => {
    const scopes = SCOPES.map((scope) => (scope === missing ? scope.replace("write", "read") : scope));
    const examined = await examineWith(await newToken(gitea, gitea.service, scopes));
    await expect(examined.tryScope(missing, gitea.service)).rejects.toBeInstanceOf(Unauthorized);
    for (const scope of SCOPES) if (scope !== missing) await examined.tryScope(scope, gitea.service);
  });
});
