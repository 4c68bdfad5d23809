/** What ends a part again; a stack keeps them in the order of its start. */
export type Ending = () => unknown;

/** Starts something of several parts: what was started ends in reverse order by `stop`, or at once where a later part fails. */
export async function startTogether<Parts extends object>(
  start: (endings: Ending[]) => Promise<Parts>,
): Promise<Parts & { stop(): Promise<void> }> {
  const endings: Ending[] = [];
  const stop = () => endAll(endings);
  try {
    return { ...(await start(endings)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One part that will not end keeps no other one running. */
async function endAll(endings: Ending[]): Promise<void> {
  const problems: unknown[] = [];
  for (const end of endings.splice(0).reverse()) {
    try {
      await end();
    } catch (problem) {
      problems.push(problem);
    }
  }
  if (problems.length > 0) throw problems[0];
}
