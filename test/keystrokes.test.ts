import { expect, it } from "vitest";
import { keystrokes } from "../infra/keystrokes.ts";

it("takes a signal that the terminal sends and npm hands on for one keystroke, and the next one for another", () => {
  let now = 1_000;
  const isKeystroke = keystrokes(() => now);
  const at = (time: number) => {
    now = time;
    return isKeystroke();
  };
  expect([at(1_000), at(1_000), at(1_400), at(1_501), at(1_600), at(3_000)]).toEqual([
    true,
    false,
    false,
    true,
    false,
    true,
  ]);
});
