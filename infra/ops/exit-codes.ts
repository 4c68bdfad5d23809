/** What every command ends with (README.md beside this file). */
export const EXIT = {
  done: 0,
  error: 1,
  usage: 2,
  nothingMatched: 3,
  partly: 4,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
