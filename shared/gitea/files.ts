import * as z from "zod";
import { Permanent } from "../errors.ts";
import { blobId } from "../git-objects.ts";
import { type Answer, read } from "./answer.ts";
import { type Place, pathOf } from "./repositories.ts";
import { type Send, segment } from "./request.ts";

const Tree = z.object({
  truncated: z.boolean(),
  tree: z.array(z.object({ path: z.string(), mode: z.string(), sha: z.string(), size: z.int().optional() })),
});

/** Git's file modes; besides these there are links (120000) and submodules (160000). */
const FOLDER = "040000";
const PLAIN = ["100644", "100755"];

type Listed = { path: string; size: number; isPlain: boolean };

/** A file as it is in a commit; `sha` is its blob's. */
type FileAt = { path: string; sha: string; content: Uint8Array };

/** Reading what is in a repository. */
export function files(send: Send) {
  const tree = async (place: Place, ref: string, recursive: boolean): Promise<Answer> => {
    const query = { recursive, page: 1, per_page: 1000 };
    return await send(
      { method: "GET", path: treePath(place, ref) },
      (api, params) => api.repos.getTree(segment(place.owner), segment(place.name), segment(ref), query, params),
      { expect: [400, 404, 409] },
    );
  };
  return {
    /** Everything but folders at a commit, branch or tag; undefined when there is no such thing. */
    list: async (place: Place, ref: string): Promise<Listed[] | undefined> => {
      const answer = await tree(place, ref, true);
      if (answer.status >= 400) return undefined;
      const found = read(Tree, answer);
      if (found.truncated) {
        throw new Permanent("template.too-large", `${treePath(place, ref)}: more files than one answer holds`, {
          request: answer.request,
        });
      }
      return found.tree.flatMap(({ path: file, mode, size = 0 }) =>
        mode === FOLDER ? [] : [{ path: file, size, isPlain: PLAIN.includes(mode) }],
      );
    },

    /** A plain file of the top folder, also where Gitea says `empty`; undefined when there is none to be read. */
    one: async (place: Place, ref: string): Promise<FileAt | undefined> => {
      const answer = await tree(place, ref, false);
      if (answer.status >= 400) return undefined;
      const plain = read(Tree, answer).tree.filter(({ mode }) => mode === PLAIN[0]);
      // What is written again under LFS rules would become a pointer; the file with the rules never does.
      const smallest = plain.toSorted((one, other) => (one.size ?? 0) - (other.size ?? 0))[0];
      const { path, sha } = plain.find((entry) => entry.path === ".gitattributes") ?? smallest ?? {};
      if (path === undefined || sha === undefined) return undefined;
      const blob = await send(
        { method: "GET", path: `${pathOf(place)}/git/blobs/${sha}` },
        (api, params) => api.repos.getBlob(segment(place.owner), segment(place.name), segment(sha), params),
        { expect: [400, 404] },
      );
      const text = blob.status >= 400 ? null : read(z.object({ content: z.base64().nullish() }), blob).content;
      const content = Buffer.from(text ?? "", "base64");
      return blobId(content) === sha ? { path, sha, content } : undefined;
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

const treePath = (place: Place, ref: string) => `${pathOf(place)}/git/trees/${ref}`;
