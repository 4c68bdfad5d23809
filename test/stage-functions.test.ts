import { describe, expect, it } from "vitest";
import { SettingsError } from "#shared/config.ts";
import { functionsBehind, serviceFunctions } from "../infra/deploy/functions.ts";
import { StackSettings } from "../infra/deploy/stack-settings.ts";

const functionsOf = (stack: Record<string, string>, settings: Record<string, string> = {}) =>
  functionsBehind(StackSettings.parse(stack), serviceFunctions(), settings);

const reservations = (stack: Record<string, string>) =>
  Object.entries(functionsOf(stack)).flatMap(([name, { reservedConcurrency: most }]) =>
    most === undefined ? [] : [[name, most]],
  );

describe("a stage's functions", () => {
  it("reserve nothing at all where the account has nothing to reserve: not for the sync either", () => {
    expect(reservations({})).toEqual([
      ["ingress", 20],
      ["workspaces", 20],
      ["directory-sync", 1],
    ]);
    expect(reservations({ STACK_INGRESS_CONCURRENCY: "none" })).toEqual([]);
  });

  it("are told no more than Lambda takes: the one setting to put elsewhere is named", () => {
    const teams = (length: number) => ({ GITEA_URL: "https://git.uni.example", GROUP_TEAMS: "x".repeat(length) });
    expect(() => functionsOf({}, teams(4_096))).toThrow(SettingsError);
    expect(() => functionsOf({}, teams(4_096))).toThrow(
      /^the settings of function \S+ take \d+ bytes, Lambda allows 4096: put GROUP_TEAMS into Parameter Store and write ssm:<name> instead$/,
    );
    // 512 bytes are for what only the deployment knows, and a letter may take two.
    expect(() => functionsOf({}, teams(2_500))).not.toThrow();
    expect(() => functionsOf({}, { ...teams(1), GROUP_TEAMS: "é".repeat(2_500) })).toThrow(/put GROUP_TEAMS/);
  });
});
