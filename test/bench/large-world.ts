import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import { personMark } from "#shared/marks.ts";
import { listen } from "../support/ports.ts";

const SUFFIX = "dc=uni,dc=example";
const PAGE = 50;

/**
 * What a real Gitea (1.26, 2 cores, SQLite, 10,000 accounts and as many teams) takes for one page of 50, asked one at a time:
 * 11 ms in the median. With four at once it takes 30 – 40 ms, so that this server is still three times as fast.
 */
const PAGE_MILLISECONDS = 11;

const nameOf = (place: number) => `p${String(place).padStart(6, "0")}`;
const idOf = (place: number) => `00000000-0000-4000-8000-${place.toString(16).padStart(12, "0")}`;

/** A directory of so many people, a hundred to a group, in the form that slapadd loads; ids are fixed so that marks can name them. */
export function ldifOf(count: number): string {
  const entries = [HEAD];
  for (let place = 0; place < count; place += 1) {
    const name = nameOf(place);
    entries.push(
      `dn: uid=${name},ou=people,${SUFFIX}\nobjectClass: inetOrgPerson\nuid: ${name}\ncn: Person ${name}\nsn: ${name}\n` +
        `mail: ${name}@uni.example\nentryUUID: ${idOf(place)}\n`,
    );
  }
  for (let first = 0; first < count; first += 100) {
    const members = Array.from({ length: Math.min(100, count - first) }, (_, place) => nameOf(first + place));
    entries.push(
      `dn: cn=course${first},ou=groups,${SUFFIX}\nobjectClass: groupOfNames\ncn: course${first}\n` +
        members.map((name) => `member: uid=${name},ou=people,${SUFFIX}\n`).join(""),
    );
  }
  return entries.join("\n");
}

const HEAD = `dn: ${SUFFIX}
objectClass: dcObject
objectClass: organization
dc: uni
o: University of Example

${["people", "groups", "services"].map((ou) => `dn: ou=${ou},${SUFFIX}\nobjectClass: organizationalUnit\nou: ${ou}\n`).join("\n")}
dn: cn=reader,ou=services,${SUFFIX}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-password
`;

type Lists = { accounts: unknown[]; teams: unknown[] };

/** Everybody's account and own team as Gitea shows them; every hundredth one has another name when `isChanged`. */
function listsOf(count: number, isChanged: boolean): Lists {
  const places = Array.from({ length: count }, (_, place) => place);
  const level = "write";
  const units = Object.fromEntries(
    ["code", "issues", "pulls", "releases", "wiki", "projects"].map((unit) => [`repo.${unit}`, level]),
  );
  return {
    accounts: places.map((place) => ({
      id: place + 1,
      login: nameOf(place),
      login_name: nameOf(place),
      source_id: 1,
      full_name: isChanged && place % 100 === 0 ? "Former Name" : `Person ${nameOf(place)}`,
      email: `${nameOf(place)}@uni.example`,
      avatar_url: "http://127.0.0.1/avatars/0123456789abcdef0123456789abcdef",
      html_url: `http://127.0.0.1/${nameOf(place)}`,
      language: "",
      is_admin: false,
      last_login: "2026-11-24T09:00:00Z",
      created: "2030-01-01T00:00:00Z",
      restricted: false,
      active: true,
      prohibit_login: false,
      location: "",
      website: "",
      description: "",
      visibility: "public",
      followers_count: 0,
      following_count: 0,
      starred_repos_count: 0,
      username: nameOf(place),
    })),
    teams: places.map((place) => ({
      id: place + 1,
      name: nameOf(place),
      description: personMark(idOf(place)),
      organization: null,
      includes_all_repositories: false,
      permission: "none",
      units: Object.keys(units),
      units_map: units,
      can_create_org_repo: false,
    })),
  };
}

/** Gitea's lists and nothing else, each page after the time that a real one takes for it. The stand-in sorts at every page. */
export async function startLists(count: number, isChanged: boolean) {
  const { accounts, teams } = listsOf(count, isChanged);
  const pages: Record<string, { total: number; texts: string[] }> = {
    "/api/v1/admin/users": paged(accounts),
    "/api/v1/orgs/ilum-jupyterhub/teams": paged(teams),
    "/api/v1/admin/orgs": paged([]),
    "/api/v1/admin/cron": paged([]),
  };
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    setTimeout(() => answer(response, pages[pathname], Number(searchParams.get("page"))), PAGE_MILLISECONDS);
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    paths: Object.entries(pages).flatMap(([path, { texts }]) =>
      texts.map((_, page) => `${path}?page=${page + 1}&limit=${PAGE}`),
    ),
    stop: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

function answer(response: ServerResponse, list: { total: number; texts: string[] } | undefined, page: number): void {
  const headers = { "content-type": "application/json;charset=utf-8", "x-total-count": String(list?.total ?? 0) };
  response.writeHead(list ? 200 : 404, headers).end(list?.texts[page - 1] ?? (list ? "[]" : '{"message":"not found"}'));
}

function paged(rows: unknown[]): { total: number; texts: string[] } {
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  const texts = Array.from({ length: pages }, (_, page) => JSON.stringify(rows.slice(page * PAGE, (page + 1) * PAGE)));
  return { total: rows.length, texts };
}
