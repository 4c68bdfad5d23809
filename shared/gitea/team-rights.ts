import * as z from "zod";
import type { Team } from "../envelope.ts";

const Level = z.enum(["read", "write", "admin"]);
export type Level = z.infer<typeof Level>;

/** What a team may do, and whether with the organisation's every repository, present and to come. */
export type Rights = { level: Level; hasAllRepositories: boolean };

/** A team as Gitea shows it; one with units answers `permission: "none"` whatever was asked (rule 16 of README.md). */
export const GiteaTeam = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string(),
  permission: z.string(),
  units_map: z.record(z.string(), z.string()).nullish(),
  includes_all_repositories: z.boolean(),
  organization: z.object({ name: z.string() }).nullish(),
});
type GiteaTeam = z.infer<typeof GiteaTeam>;

const UNITS = ["repo.code", "repo.issues", "repo.pulls", "repo.releases", "repo.wiki", "repo.projects"];

/** As Gitea wants them. Below admin the units must be sent, else those of an admin team would stay (README.md §3). */
export function toPermissions({ level, hasAllRepositories }: Rights) {
  const units = level === "admin" ? {} : { units_map: Object.fromEntries(UNITS.map((unit) => [unit, level])) };
  return { permission: level, includes_all_repositories: hasAllRepositories, ...units };
}

/** `other` is what hubforge never gives: ownership, no code at all, or everybody's repositories without being admin. */
export function toTeam(team: GiteaTeam): Team {
  const { id, name, description, permission, units_map } = team;
  const level = Level.safeParse(permission === "admin" ? "admin" : units_map?.["repo.code"]);
  const isGiven =
    level.success && permission !== "owner" && (level.data === "admin" || !team.includes_all_repositories);
  return { id, name, description, level: isGiven ? level.data : "other" };
}
