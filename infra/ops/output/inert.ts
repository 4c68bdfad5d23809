import stringWidth from "string-width";

/**
 * What a letter says was written by strangers: nothing of it may move the cursor, change a colour, turn the direction of
 * writing, hide or run into other lines. Shown by their number are controls, format characters, separators, what is not a
 * character, what nobody can see (fillers, variation selectors, the empty braille cell) and of marks upon one letter the
 * fifth and later: no language has so many.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{DI}\u2800]|(?<=\p{M}{4})\p{M}/gu;

const SHOWN = 4_000;

/** One line that a terminal prints as it stands, at most `maximum` characters of it. */
export function inert(text: string, maximum = SHOWN): string {
  const isLong = text.length > maximum;
  const cut = isLong ? text.slice(0, maximum).replace(/[\uD800-\uDBFF]$/, "") : text;
  const shown = cut.replaceAll(/\s*[\r\n]+\s*/g, " ⏎ ").replaceAll(UNSAFE, byNumber);
  return isLong ? `${shown}… (${text.length} characters)` : shown;
}

/** As JSON on one line, with everything unsafe escaped: readers get the very text, a terminal does nothing. */
export function inertJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (character) =>
    Array.from({ length: character.length }, (_, index) => escaped(character.charCodeAt(index))).join(""),
  );
}

/** Cuts `text` to so many columns; wide characters take two. */
export function fitted(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let fit = "";
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const next = stringWidth(segment);
    if (width + next > columns - 1) break;
    fit += segment;
    width += next;
  }
  return `${fit}…`;
}

/** `text` and blanks up to so many columns. */
export function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - stringWidth(text)));
}

export { default as widthOf } from "string-width";

function byNumber(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
