/** `word` as a shell takes it for one word and nothing else: for command lines that people copy out of a message. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
