import * as z from "zod";
import { Permanent } from "../errors.ts";
import { read } from "./answer.ts";
import { type Place, pathOf } from "./repositories.ts";
import { type Send, segment } from "./request.ts";

const Tree = z.object({
  truncated: z.boolean(),
  tree: z.array(z.object({ path: z.string(), mode: z.string(), size: z.int().optional() })),
});

/** Git's file modes; besides these there are links (120000) and submodules (160000). */
const FOLDER = "040000";
const PLAIN = ["100644", "100755"];

type Listed = { path: string; size: number; isPlain: boolean };

/** Reading what is in a repository. */
export function files(send: Send) {
  return {
    /** Everything but folders at a commit, branch or tag; undefined when there is no such thing. */
    list: async (place: Place, ref: string): Promise<Listed[] | undefined> => {
      const path = `${pathOf(place)}/git/trees/${ref}`;
      const query = { recursive: true, page: 1, per_page: 1000 };
      const answer = await send(
        { method: "GET", path },
        (api, params) => api.repos.getTree(segment(place.owner), segment(place.name), segment(ref), query, params),
        { expect: [400, 404, 409] },
      );
      if (answer.status >= 400) return undefined;
      const { truncated, tree } = read(Tree, answer);
      if (truncated) {
        throw new Permanent("template.too-large", `${path}: more files than one answer holds`, {
          request: answer.request,
        });
      }
      return tree.flatMap(({ path: file, mode, size = 0 }) =>
        mode === FOLDER ? [] : [{ path: file, size, isPlain: PLAIN.includes(mode) }],
      );
    },

    content: async (place: Place, file: string, ref: string): Promise<Uint8Array> => {
      const inPath = file.split("/").map(segment).join("/");
      const answer = await send({ method: "GET", path: `${pathOf(place)}/contents/${file}` }, (api, params) =>
        api.repos.repoGetContents(segment(place.owner), segment(place.name), inPath, { ref }, params),
      );
      return Buffer.from(read(z.object({ content: z.base64() }), answer).content, "base64");
    },
  };
}
