import { bound, entry, pageDone, type Script } from "./ldap-faults.ts";

const SUFFIX = "dc=uni,dc=example";
export const dnOf = (uid: string) => `uid=${uid},ou=people,${SUFFIX}`;
export const groupDnOf = (cn: string) => `cn=${cn},ou=groups,${SUFFIX}`;

export const somebody = (id: number, uid: string) =>
  entry(id, dnOf(uid), { uid: [uid], cn: [`Person ${uid}`], entryUUID: [`id-of-${uid}`] });

export const groupOf = (id: number, cn: string, members: Record<string, string[]>) =>
  entry(id, groupDnOf(cn), { cn: [cn], entryUUID: [`id-of-${cn}`], ...members });

export type Steps = ReturnType<Script>;

/** Binds; the searches are answered in this order, anything after them with an empty page. */
export const answering =
  (...searches: ((id: number) => Steps)[]): Script =>
  ({ operation, id }, count) =>
    operation === "bind" ? [bound(id)] : (searches[count - 1]?.(id) ?? [pageDone(id)]);
