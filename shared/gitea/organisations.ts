import * as z from "zod";
import { Unauthorized } from "../errors.ts";
import { type Answer, readNamed } from "./answer.ts";
import { failing, refused } from "./classify.ts";
import { type Send, segment } from "./request.ts";

const Organisation = z.object({ name: z.string() });

export function organisations(send: Send) {
  const isThere = async (name: string): Promise<boolean> => {
    const answer = await send(
      { method: "GET", path: `/orgs/${name}` },
      (api, params) => api.orgs.orgGet(segment(name), params),
      { expect: [404] },
    );
    // Two shapes of 404: "GetOrgByName" is absent, "HasOrgOrUserVisible" is private and hidden from us (README.md §3).
    if (answer.status === 404 && answer.message === "HasOrgOrUserVisible") {
      throw new Unauthorized(
        "gitea.unauthorized",
        `organisation ${name} is hidden from hubforge's account: make it a site admin`,
        { request: answer.request },
      );
    }
    if (answer.status === 404) return false;
    refuseOther(answer, name);
    return true;
  };
  return {
    isThere,

    /** Makes the organisation when it is missing; an existing one is never changed. Returns whether it was made. */
    ensure: async (name: string): Promise<boolean> => {
      if (await isThere(name)) return false;
      // Members of teams must not be able to give the repository away to further teams (README.md §3).
      const body = { username: name, visibility: "private" as const, repo_admin_change_team_access: false };
      const answer = await send({ method: "POST", path: "/orgs" }, (api, params) => api.orgs.orgCreate(body, params), {
        expect: [422, 500],
      });
      if (answer.status < 300) {
        refuseOther(answer, name);
        return true;
      }
      if (await isThere(name)) return false;
      if (answer.status === 500) throw failing(answer);
      const why = `organisation ${name} cannot be made: a person may have that name, or Gitea refuses it`;
      throw refused("organisation.taken", answer, why);
    },
  };
}

function refuseOther(answer: Answer, asked: string): void {
  readNamed(Organisation, answer, asked, ({ name }) => name);
}
