/** Whose repository is being filled, and where their Spark is. */
export type Person = { username: string; fullName: string; repository: string; livyUrl: string };

/** `text` as one line of plain words in Markdown: no markup, HTML, link or formula, whatever somebody is called. */
export function inMarkdown(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]()#+!|<>&~$":@/^=]|\.(?=\S)/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** `text` as a Python string literal: Python reads every escape that JSON writes. */
export function inPython(text: string): string {
  return JSON.stringify(oneLine(text));
}

// Line and direction changes would let a name reach into the text around it.
function oneLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, " ");
}
