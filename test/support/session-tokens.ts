import * as z from "zod";
import { sessionTokenName } from "#shared/session-token.ts";
import type { World } from "./world.ts";

type Session = { hub: string; user: string; server: string; session: string };

const Minted = z.object({ sha1: z.string() });

/** The token that the workspaces function would have handed out to that session. */
export async function mintSessionToken(
  world: Pick<World, "gitea">,
  account: string,
  session: Session,
): Promise<string> {
  const body = JSON.stringify({ name: sessionTokenName(session), scopes: ["write:repository"] });
  const response = await askBasic(world, `/users/${account}/tokens`, { method: "POST", body });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return Minted.parse(await response.json()).sha1;
}

/** The names of a person's tokens. */
export async function sessionTokens(world: Pick<World, "gitea">, account: string): Promise<string[]> {
  const response = await askBasic(world, `/users/${account}/tokens?limit=50`, {});
  const tokens = z.array(z.object({ name: z.string() })).parse(await response.json());
  return tokens.map(({ name }) => name).toSorted();
}

/** Gitea lets nobody near tokens by a token (shared/gitea/README.md §5). */
function askBasic({ gitea }: Pick<World, "gitea">, path: string, request: RequestInit): Promise<Response> {
  const Authorization = `Basic ${Buffer.from(`${gitea.username}:${gitea.password}`).toString("base64")}`;
  const headers = { Authorization, "Content-Type": "application/json" };
  return fetch(`${gitea.url}/api/v1${path}`, { ...request, headers });
}
