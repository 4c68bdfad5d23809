import { afterAll, describe, expect, it } from "vitest";
import { openGitea } from "../support/gitea.ts";
import { fresh, idOf, newPerson } from "../support/gitea-builders.ts";
import { replay } from "./gitea-recordings.ts";

const gitea = await openGitea();
afterAll(() => gitea.stop());

describe("Sudo", async () => {
  const alice = await newPerson(gitea, fresh("alice"));
  const bob = await newPerson(gitea, fresh("bob"));
  const words = { alice: alice.name, bob: bob.name, nosuch: fresh("nosuch") };
  const except = ["email", "full_name", "login_name", "source_id"];

  it("makes an admin somebody else, by header or query, blocked people too", async () => {
    await replay(gitea, "sudo: whoami", { words, except });
    await replay(gitea, "sudo: query", { words, except });
    await replay(gitea, "sudo: unknown user", { words });
    await replay(gitea, "sudo: admin API", { words });
    await replay(gitea, "sudo: by a person", { words, as: alice.basic });
    const block = { login_name: alice.name, prohibit_login: true };
    await gitea.send("PATCH", `/api/v1/admin/users/${alice.name}`, { body: block });
    await replay(gitea, "sudo: person with prohibit_login", { words, except });
  });
});

describe("an SSH key", async () => {
  const alice = await newPerson(gitea, fresh("alice"));
  const bob = await newPerson(gitea, fresh("bob"));
  // Each key may exist once on an instance: a fresh one, in the recorded form.
  const material = Buffer.concat([
    Buffer.from("0000000b7373682d6564323535313900000020", "hex"),
    crypto.getRandomValues(Buffer.alloc(32)),
  ]).toString("base64");
  const words = {
    alice: alice.name,
    bob: bob.name,
    AAAAC3NzaC1lZDI1NTE5AAAAIIJUwympKFD21TndN29IFu4nZFF9peAjVRSvQzFkSA16: material,
  };
  const except = ["fingerprint", "url"];

  it("belongs to one person only", async () => {
    const added = await replay(gitea, "key: add", { words, except });
    await replay(gitea, "key: the same again", { words });
    await replay(gitea, "key: the same for another person", { words });
    await replay(gitea, "key: list", { words, except });
    const ours = { ...words, "keys/1": `keys/${idOf(added)}` };
    await replay(gitea, "key: DELETE", { words: ours });
    await replay(gitea, "key: DELETE again", { words: ours });
    const invalid = await gitea.send("POST", `/api/v1/admin/users/${alice.name}/keys`, {
      body: { title: "x", key: "nonsense" },
    });
    expect(invalid).toMatchObject({ status: 422, body: { message: expect.stringMatching(/^Invalid key content: /) } });
  });
});
