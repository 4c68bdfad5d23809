import { shellWord } from "#shared/shell-word.ts";
import type { Target } from "../target.ts";
import { inert } from "./inert.ts";

/** Beyond this nobody copies it; cut before it is quoted, so that no quote stays open. */
const SHOWN = 1_000;

type Parts = { words?: readonly string[]; options?: object };

/**
 * A command line to copy, about the same hubforge that was asked. Names and ids in it are strangers' text: each stays one
 * word of the shell, whatever it holds, and none is taken for an option.
 * @param command e.g. `dead-letters show`
 * @param parts `options` as commander hands them over; `true` and `false` are `--name` and `--no-name`
 */
export function hintOf(
  { asked: deployment }: Pick<Target, "asked">,
  command: string,
  { words = [], options = {} }: Parts = {},
): string {
  const all = Object.entries({ deployment, ...options });
  const flags = all.flatMap(([name, value]) => (value === undefined ? [] : flag(name, value)));
  const isLikeFlag = words.some((word) => word.startsWith("-"));
  const quoted = words.map(shellSafe);
  return ["hubforge", command, ...(isLikeFlag ? [...flags, "--", ...quoted] : [...quoted, ...flags])].join(" ");
}

function flag(name: string, value: unknown): string[] {
  if (value === true) return [`--${name}`];
  if (value === false) return [`--no-${name}`];
  if (Array.isArray(value)) return value.flatMap((one) => flag(name, one));
  return [`--${name}`, shellSafe(String(value))];
}

function shellSafe(word: string): string {
  return shellWord(inert(word, SHOWN));
}
