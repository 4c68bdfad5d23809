/** Gitea's names and mails are one whatever their case; what it takes is ASCII. */
export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
