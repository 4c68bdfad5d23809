import type { World } from "./world.ts";

const PEOPLE = "ou=people,dc=uni,dc=example";
const GROUPS = "ou=groups,dc=uni,dc=example";

type Directory = Pick<World, "slapd">;

export type NewPerson = {
  /** The one in the DN comes first. */
  uid: string | [string, ...string[]];
  cn?: string;
  /** Nothing: `<uid>@uni.example`; null: no address at all. */
  mail?: string | null;
  password?: string;
  /** When the directory says the entry was made; it is the server's own to say, and now by default. */
  createdAt?: Date;
  /** The same human as before: what `entryUUID` was. */
  directoryId?: string | undefined;
};

/** Puts somebody into the directory. Their password is `<uid>-password` unless told otherwise. */
export async function addPerson({ slapd }: Directory, person: NewPerson): Promise<void> {
  const uids = [person.uid].flat();
  const [uid = ""] = uids;
  const mail = person.mail === undefined ? `${uid}@uni.example` : person.mail;
  await slapd.modify(
    record(dnOf(uid), "changetype: add", "objectClass: inetOrgPerson", [
      ...uids.map((name): Attribute => ["uid", name]),
      ["cn", person.cn ?? `Person ${uid}`],
      ["sn", uid],
      ...(mail === null ? [] : [["mail", mail] satisfies Attribute]),
      ["userPassword", person.password ?? `${uid}-password`],
      ...(person.directoryId ? [["entryUUID", person.directoryId] satisfies Attribute] : []),
      ...(person.createdAt ? [["createTimestamp", generalizedTime(person.createdAt)] satisfies Attribute] : []),
    ]),
  );
}

export async function removePerson({ slapd }: Directory, uid: string): Promise<void> {
  await slapd.modify(record(dnOf(uid), "changetype: delete"));
}

/** The entry keeps its directory id and every other attribute. */
export async function renamePerson({ slapd }: Directory, uid: string, newUid: string): Promise<void> {
  await slapd.modify(record(dnOf(uid), "changetype: modrdn", `newrdn: uid=${newUid}`, "deleteoldrdn: 1"));
}

/** Replaces all values; none removes the attribute. */
export async function setAttribute(
  { slapd }: Directory,
  uid: string,
  attribute: string,
  ...values: string[]
): Promise<void> {
  await slapd.modify(
    record(
      dnOf(uid),
      "changetype: modify",
      `replace: ${attribute}`,
      values.map((value): Attribute => [attribute, value]),
    ),
  );
}

/** An administrator's lock, which counts as leaving (shared/directory/README.md §4). */
export async function lockPerson(directory: Directory, uid: string): Promise<void> {
  await setAttribute(directory, uid, "pwdAccountLockedTime", "000001010000Z");
}

export async function addGroup({ slapd }: Directory, cn: string, members: string[]): Promise<void> {
  await slapd.modify(
    record(groupDn(cn), "changetype: add", "objectClass: groupOfNames", [
      ["cn", cn],
      ...members.map((uid): Attribute => ["member", dnOf(uid)]),
    ]),
  );
}

export async function leaveGroup({ slapd }: Directory, cn: string, uid: string): Promise<void> {
  await slapd.modify(record(groupDn(cn), "changetype: modify", "delete: member", [["member", dnOf(uid)]]));
}

const dnOf = (uid: string) => `uid=${uid},${PEOPLE}`;
export const groupDn = (cn: string) => `cn=${cn},${GROUPS}`;

const generalizedTime = (date: Date) => `${date.toISOString().replace(/\D/g, "").slice(0, 14)}Z`;

type Attribute = [name: string, value: string];

/** An LDIF change record; values go in base64, so that they may hold anything. */
function record(dn: string, ...parts: (string | Attribute[])[]): string {
  const lines = parts.flatMap((part) =>
    typeof part === "string"
      ? [part]
      : part.map(([name, value]) => `${name}:: ${Buffer.from(value).toString("base64")}`),
  );
  return `dn:: ${Buffer.from(dn).toString("base64")}\n${lines.join("\n")}\n`;
}
