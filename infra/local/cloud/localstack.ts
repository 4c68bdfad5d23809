import type { Emulator, EmulatorOptions } from "./emulator.ts";

export async function startLocalStackCore(_options: EmulatorOptions): Promise<Emulator> {
  throw new Error("soon");
}
