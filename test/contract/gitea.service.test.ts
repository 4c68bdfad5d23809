import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

describe("whoever asks Gitea anything", () => {
  it("is told that it lives", async () => {
    const health = await replay(gitea, "healthz", { except: ["description"] });
    expect(health).toMatchObject({ status: 200, body: { status: "pass" } });
    await replay(gitea, "version", { except: ["version"] });
  });

  it("is refused without or with wrong credentials", async () => {
    await replay(gitea, "auth: no credentials");
    await replay(gitea, "auth: bad token");
    await replay(gitea, "auth: bad bearer", { as: `Bearer ${"0".repeat(40)}` });
  });

  it("may bring the service's token in each of three ways", async () => {
    const except = ["full_name", "email", "login_name", "visibility"];
    await replay(gitea, "auth: service user, token header", { except });
    await replay(gitea, "auth: service user, bearer", { as: `Bearer ${gitea.token}`, except });
    await replay(gitea, "auth: service user, token as Basic password", { except });
  });

  it("gets plain text for an unknown path and an empty 405 for a wrong method", async () => {
    await replay(gitea, "unknown API path");
    await replay(gitea, "method not allowed");
  });

  it("is told 422 for a body that can't be read, before anything else is looked at", async () => {
    const malformed = await gitea.send("POST", "/api/v1/admin/users", { body: '{"username":' });
    expect(malformed).toMatchObject({ status: 422, body: { message: expect.stringMatching(/^\[]: /) } });
    const wrongType = await gitea.send("POST", "/api/v1/admin/users", {
      body: { username: 5, email: "x@example.org" },
    });
    expect(wrongType).toMatchObject({
      status: 422,
      body: { message: expect.stringMatching(/^\[]: json: cannot unmarshal/) },
    });
    await replay(gitea, "empty body");
    await replay(gitea, "content-type text/plain");
    await replay(gitea, "no content-type");
  });
});
