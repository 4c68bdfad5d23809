import { shortHash } from "./short-hash.ts";

type Session = { hub: string; user: string; server: string; session: string };

/**
 * The name of the Gitea token of one session, `hubforge.<hub>.<hash of user>.<hash of server and session>`: it begins with
 * a letter, so Gitea never takes it for an id, and nothing in it lets a person name another's token (README.md §5).
 */
export function sessionTokenName({ hub, user, server, session }: Session): string {
  return `${hubUserTokenPrefix(hub, user)}${shortHash(`${server}\n${session}`)}`;
}

/** What the names of all tokens of one hub user begin with; names that a hub keeps apart are two users. */
export function hubUserTokenPrefix(hub: string, user: string): string {
  return `hubforge.${hub}.${shortHash(user)}.`;
}
