/** Recordings that no test replays, each with its reason. */
export const LEFT_OUT: ReadonlyMap<string, string> = new Map<string, string>([]);
