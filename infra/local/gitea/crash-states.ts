import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { gitOutput, listBranches } from "./git.ts";
import { accountByName, directoryFor, repositoryByName, repositoryDir, type World } from "./world.ts";

/**
 * What a killed Gitea leaves behind, made by hand. A: the directory is missing, empty, or without HEAD. B: HEAD on
 * master. C: the commit is on disk, the row says empty. D: a directory without a row. E: the row says not empty, the
 * branch table knows nothing.
 */
export const crashState = z.enum(["A-missing", "A-empty", "A-headless", "B", "C", "D", "E"]);
export type CrashState = z.infer<typeof crashState>;

/** Puts one repository into a state; false when there is no such repository (or, for D, no such owner). */
export async function setCrashState(
  world: World,
  ownerName: string,
  name: string,
  state: CrashState,
): Promise<boolean> {
  const owner = accountByName(world, ownerName);
  if (owner === undefined) return false;
  const row = repositoryByName(world, owner.id, name);
  if (state === "D") {
    if (row !== undefined) world.repositories.remove(row.id);
    await mkdir(directoryFor(world, owner.lowerName, name.toLowerCase()), { recursive: true });
    return true;
  }
  if (row === undefined) return false;
  const dir = repositoryDir(world, row);
  if (state === "A-missing" || state === "A-empty") await rm(dir, { recursive: true, force: true });
  if (state === "A-empty") await mkdir(dir);
  if (state === "A-headless") await rm(join(dir, "HEAD"), { force: true });
  if (state === "B") await gitOutput(dir, ["symbolic-ref", "HEAD", "refs/heads/master"]);
  if (state === "C") world.repositories.change(row.id, { isEmpty: true, knownBranches: [] });
  if (state === "E") world.repositories.change(row.id, { isEmpty: false, knownBranches: [] });
  return true;
}

/** Row and disk side by side, for a test that wants to see what no API shows. */
export async function lookInside(world: World, ownerName: string, name: string): Promise<object | null> {
  const owner = accountByName(world, ownerName);
  const row = owner && repositoryByName(world, owner.id, name);
  if (row === undefined) return null;
  const dir = repositoryDir(world, row);
  const isThere = existsSync(join(dir, "HEAD"));
  return { row, directory: dir, isThere, branches: isThere ? await listBranches(dir) : [] };
}
