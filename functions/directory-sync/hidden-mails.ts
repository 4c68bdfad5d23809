import type { World } from "./plan.ts";

/**
 * Lost rights on an attribute read like an attribute that nobody has (shared/directory/README.md §7). How many accounts
 * of the LDAP source have an address of their own while nobody in the directory has one; 0 where all is well.
 */
export function hiddenMails({ directory, gitea, settings }: World): number {
  const isHidden = directory.people.length > 0 && !directory.people.some(({ emails = [] }) => emails.length > 0);
  if (!isHidden) return 0;
  const linked = gitea.accounts.filter(({ source_id }) => source_id === settings.GITEA_AUTH_SOURCE_ID);
  return linked.filter(({ email }) => !/@(hubforge\.invalid|localhost\.local)$/i.test(email)).length;
}
