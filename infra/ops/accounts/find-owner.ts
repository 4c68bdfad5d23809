import type { Identity } from "#shared/envelope.ts";
import { Permanent } from "#shared/errors.ts";
import { isSame } from "#shared/gitea.ts";
import { foldName } from "#shared/names.ts";
import { ownAccountName } from "#shared/own-account.ts";
import type { Letter } from "../letters/letter.ts";
import type { Outside } from "../outside.ts";

/**
 * The person in the directory whom `name` means: a name to log in with, or the Gitea account name that a letter tells, which
 * for some people is another one.
 * @throws Permanent when nobody of that name may come in: only somebody who may can be given an account.
 */
export async function findOwner(
  name: string,
  letters: readonly Letter[],
  { directory, settings, signal }: Pick<Outside, "directory" | "settings" | "signal">,
): Promise<Identity> {
  const found = await directory.lookUp({ by: "name", value: name }, signal);
  if (found.state === "present") return found.identity;
  const users = letters.flatMap(({ envelope }) => (envelope ? [envelope.delivery.user] : []));
  const typed = users.find((user) => foldName(user) !== foldName(name) && isAccountOf(user, name, settings));
  if (typed === undefined) throw new Permanent(found.code, found.reason);
  const byLetter = await directory.lookUp({ by: "name", value: typed }, signal);
  if (byLetter.state === "present") return byLetter.identity;
  throw new Permanent(byLetter.code, byLetter.reason);
}

function isAccountOf(user: string, account: string, settings: Outside["settings"]): boolean {
  try {
    return isSame(ownAccountName(user, settings), account);
  } catch {
    return false; // a name that no account can have
  }
}

/** The letters of one human, under every name of theirs. */
export function lettersOf({ logins, username }: Identity, letters: readonly Letter[]): Letter[] {
  const names = new Set([username, ...logins].map(foldName));
  return letters.filter((letter) => letter.names.some((name) => names.has(foldName(name))));
}
