/**
 * What a Gitea newer than 1.25 answers differently from the recordings, by recording. Everything that is not named here
 * must be as recorded, on every version.
 */
const since126: Record<string, { status?: number; body?: unknown }> = {
  // A change of an organisation keeps what it leaves out.
  "org: PATCH full_name only": { body: { full_name: "Ilum Hub", description: "d", website: "https://example.org" } },
  "contents: delete a missing file": { body: { message: "object does not exist [id: , rel_path: nosuch]" } },
  "contents: path ../x": { body: { message: outside("../x") } },
  "contents: path /abs": { body: { message: outside("/abs") } },
  "rename: LDAP-linked user": { status: 204, body: null },
  "repo: create by the person whose quota is 0": {
    status: 403,
    body: { message: "user has reached maximum limit of repositories [limit: 0]" },
  },
};

export function changedSince(
  version: readonly [number, number],
  recording: string,
): { status?: number; body?: unknown } | undefined {
  return isNewerThan125(version) ? since126[recording] : undefined;
}

export function isNewerThan125([major, minor]: readonly [number, number]): boolean {
  return major > 1 || minor > 25;
}

function outside(path: string): string {
  return (
    "LsFiles: unable to run git ls-files for temporary repo of: ilum-jupyterhub/scratch, error: exit status 128" +
    ` - fatal: ${path}: '${path}' is outside repository at '<temporary repository>'`
  );
}
