import { readFileSync } from "node:fs";

/** How a process was called, its words parted by spaces. Empty where it is gone, or where the system does not tell (no /proc). */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
  } catch {
    return "";
  }
}
