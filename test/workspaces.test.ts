import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { spawnOf } from "./support/envelopes.ts";
import { identityOf, newPerson } from "./support/slapd.ts";
import { startWorkspaces, type Workspaces } from "./support/workspaces-server.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let workspaces: Workspaces;
beforeAll(async () => {
  world = await startWorld();
  workspaces = await startWorkspaces(world);
});
afterAll(async () => {
  workspaces.stop();
  await world.stop();
});

/** Somebody new in the directory, with an account and a repository if `spawns`. */
async function enrol(uid: string, { spawns = true } = {}): Promise<void> {
  await world.slapd.modify(newPerson(uid, `cn: ${uid} of Test`, `mail: ${uid}@uni.example`));
  if (spawns) await world.pass(spawnOf(uid));
}
const repositoryOf = (uid: string) => `/repos/ilum-jupyterhub/jupyterhub-${uid}`;

/** A change record for one person. */
const change = (uid: string, lines: string) =>
  `dn: uid=${uid},ou=people,dc=uni,dc=example\nchangetype: modify\n${lines}\n`;
const Teams = z.object({ data: z.array(z.object({ id: z.int(), name: z.string() })) });

describe("whoever asks for a person's workspace", () => {
  it("learns that ada's is ready, where it is and how she signs her commits", async () => {
    await world.pass(spawnOf("ada"));
    const answer = await workspaces.status("ada");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.body).toEqual({
      state: "ready",
      cloneUrl: `${world.gitea.url}/ilum-jupyterhub/jupyterhub-ada.git`,
      webUrl: `${world.gitea.url}/ilum-jupyterhub/jupyterhub-ada`,
      fullName: "Ada Lovelace",
      email: "ada@uni.example",
    });
    expect(world.lines.at(-1)).toMatchObject({
      event: "workspace.reported",
      delivery: "evt_01",
      hub: "default",
      person: "ada",
      account: "ada",
      outcome: "ready",
      status: 200,
    });
  });

  it("hears pending, with the addresses to come, at every step of a first spawn and ready at its end", async () => {
    await enrol("eve", { spawns: false });
    const states: (string | undefined)[] = [];
    const envelope = spawnOf("eve");
    await world.sender.sendEnvelope("identity", envelope);
    for (const stage of ["identity", "account", "team", "repository", "templates"] as const) {
      const answer = await workspaces.status("eve");
      expect(answer.body).toMatchObject({
        cloneUrl: `${world.gitea.url}/ilum-jupyterhub/jupyterhub-eve.git`,
        webUrl: `${world.gitea.url}/ilum-jupyterhub/jupyterhub-eve`,
        fullName: "eve of Test",
        email: "eve@uni.example",
      });
      expect(await workspaces.credentials("eve")).toMatchObject({ status: 409, body: { code: "workspace.pending" } });
      states.push(answer.body.state);
      const record = await world.receive(stage);
      if (record) await world.invoke(stage, record);
    }
    expect(states).toEqual(Array(5).fill("pending"));
    expect((await workspaces.status("eve")).body.state).toBe("ready");
  });

  it("finds a repository that its person renamed, and hears pending for one that is not theirs any more", async () => {
    await enrol("finn");
    expect(await world.view.send("PATCH", repositoryOf("finn"), { name: "thesis" }, "finn")).toBe(200);
    expect((await workspaces.status("finn")).body).toMatchObject({
      state: "ready",
      cloneUrl: `${world.gitea.url}/ilum-jupyterhub/thesis.git`,
    });
    const teams = await world.view.get("/orgs/ilum-jupyterhub/teams/search?q=finn");
    const { id } = Teams.parse(teams).data[0] ?? { id: 0 };
    expect(await world.view.send("DELETE", `/teams/${id}/repos/ilum-jupyterhub/thesis`)).toBe(204);
    expect((await workspaces.status("finn")).body.state).toBe("pending");
    expect((await workspaces.credentials("finn")).status).toBe(409);
  });

  it("gets no token for an account that is not written down as theirs yet, nor another's repository", async () => {
    await world.slapd.modify(newPerson("lena", "userPassword: lena-password"));
    const password = Buffer.from("lena:lena-password").toString("base64");
    const headers = { Authorization: `Basic ${password}` };
    expect((await fetch(`${world.gitea.url}/api/v1/user`, { headers })).status).toBe(200); // her first sign-in made it
    await enrol("mia");
    expect(await world.view.send("PATCH", repositoryOf("mia"), { name: "jupyterhub-lena" }, "mia")).toBe(200);
    expect((await workspaces.status("lena")).body.state).toBe("pending");
    expect((await workspaces.credentials("lena")).status).toBe(409);
    await world.pass(spawnOf("lena"));
    expect((await workspaces.credentials("lena")).status).toBe(409);
  });

  it("gets the clone address below GITEA_CLONE_URL where that is set, ready or not", async () => {
    await enrol("gus", { spawns: false });
    const inside = await startWorkspaces(world, { GITEA_CLONE_URL: "http://gitea.inside:3000/git/" });
    const clone = (uid: string) => `http://gitea.inside:3000/git/ilum-jupyterhub/jupyterhub-${uid}.git`;
    const web = (uid: string) => `${world.gitea.url}/ilum-jupyterhub/jupyterhub-${uid}`;
    for (const uid of ["ada", "gus"]) {
      expect((await inside.status(uid)).body).toMatchObject({ cloneUrl: clone(uid), webUrl: web(uid) });
    }
    inside.stop();
  });

  it("is told of one and the same workspace under both names of one human", async () => {
    await world.pass(spawnOf("jdoe"));
    const [one, other] = [await workspaces.status("jdoe"), await workspaces.status("jane.doe")];
    expect(one.body).toMatchObject({ state: "ready", fullName: "Jane Doe" });
    expect(other.body).toEqual(one.body);
  });

  it("finds the account again when the person's uid has changed, before the next sync", async () => {
    await enrol("hans");
    await world.slapd.modify(
      `dn: uid=hans,ou=people,dc=uni,dc=example\nchangetype: modrdn\nnewrdn: uid=johannes\ndeleteoldrdn: 1\n`,
    );
    const answer = await workspaces.credentials("johannes");
    expect(answer.body).toMatchObject({ state: "ready", account: "hans" });
    expect(answer.body.cloneUrl).toContain("jupyterhub-hans");
    expect((await workspaces.status("hans")).body.code).toBe("person.unknown");
  });

  it("hears pending for a leaver who is back until the spawn has unblocked them", async () => {
    await enrol("ida");
    const { directoryId } = await identityOf(world.slapd, "ida");
    await world.slapd.modify(change("ida", "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z"));
    await world.pass(spawnOf("ida", { route: "depart", directoryId }));
    expect(await workspaces.credentials("ida")).toMatchObject({ status: 403, body: { code: "person.disabled" } });

    await world.slapd.modify(change("ida", "delete: pwdAccountLockedTime"));
    expect((await workspaces.status("ida")).body.state).toBe("pending");
    expect((await workspaces.credentials("ida")).status).toBe(409);
    await world.pass(spawnOf("ida"));
    expect((await workspaces.credentials("ida")).status).toBe(200);
  });
});
