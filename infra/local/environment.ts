/**
 * Puts `values` into the environment that the handlers read (an `undefined` takes a variable away) and returns what puts
 * everything back.
 */
export function setEnvironment(values: Readonly<Record<string, string | undefined>>): () => void {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  write(values);
  return () => write(before);
}

function write(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** Credentials and address for an emulator: it takes any key, and a profile of the user's own would win over ours. */
export function awsEnvironment(endpoint: string, region: string): Record<string, string | undefined> {
  const { AWS_ACCESS_KEY_ID = "test", AWS_SECRET_ACCESS_KEY = "test" } = process.env;
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    AWS_PROFILE: undefined,
  };
}
