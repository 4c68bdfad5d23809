import { describe, expect, it } from "vitest";
import { filterLetters } from "../infra/ops/letters/filter-letters.ts";
import { readLetter } from "../infra/ops/letters/letter.ts";
import { nearest } from "../infra/ops/nearest.ts";
import { parseRate, parseTime } from "../infra/ops/options.ts";
import { absolute, ago } from "../infra/ops/output/times.ts";
import { letterOf } from "./support/letters.ts";

const now = new Date("2026-11-24T12:00:00Z");

describe("a time", () => {
  it.each([
    ["90s", "2026-11-24T11:58:30.000Z"],
    ["15m", "2026-11-24T11:45:00.000Z"],
    ["2h", "2026-11-24T10:00:00.000Z"],
    ["1.5h", "2026-11-24T10:30:00.000Z"],
    ["3d", "2026-11-21T12:00:00.000Z"],
    ["1w", "2026-11-17T12:00:00.000Z"],
    ["2026-11-20", "2026-11-20T00:00:00.000Z"],
    ["2026-11-20T08:30", "2026-11-20T08:30:00.000Z"],
    ["2026-11-20 08:30:15", "2026-11-20T08:30:15.000Z"],
    ["2026-11-20T08:30:00+01:00", "2026-11-20T07:30:00.000Z"],
    ["2028-02-29", "2028-02-29T00:00:00.000Z"],
  ])("%s is %s", (text, iso) => {
    expect(parseTime(text, now).toISOString()).toBe(iso);
  });

  it("that is only a date ends with its last moment", () => {
    expect(parseTime("2026-11-20", now, true).toISOString()).toBe("2026-11-20T23:59:59.999Z");
  });

  it.each(["", "soon", "2h30m", "-2h", "2026-13-01", "2026-02-29", "2026-11-20T25:00", "20261120", "1e9999d"])(
    "%s is none",
    (text) => {
      expect(() => parseTime(text, now)).toThrow("is no time");
    },
  );

  it("is relative in lists and absolute in full", () => {
    expect(ago("2026-11-24T11:59:30Z", now)).toBe("30 s ago");
    expect(ago("2026-11-24T11:15:00Z", now)).toBe("45 min ago");
    expect(ago("2026-11-22T11:15:00Z", now)).toBe("2 d ago");
    expect(ago("2026-11-24T12:00:30Z", now)).toBe("in 30 s");
    expect(absolute("2026-11-24T12:00:30.123+01:00")).toBe("2026-11-24 11:00:30 UTC");
  });
});

describe("a rate", () => {
  it.each([
    ["5", 5],
    ["5/s", 5],
    ["0.5", 0.5],
    ["30/m", 0.5],
    ["3600/h", 1],
  ])("%s is %d a second", (text, rate) => {
    expect(parseRate(text)).toBe(rate);
  });
});

describe("a filter", () => {
  const letter = (user: string, change: Parameters<typeof letterOf>[1] = {}) => {
    const failure = letterOf(user, change);
    return readLetter(JSON.stringify(failure), { messageId: failure.failureId, sentAt: now });
  };
  const jane = letter("jane.doe", {
    failureId: "abc123",
    stage: "team",
    code: "gitea.failing",
    class: "exhausted",
    failedAt: "2026-11-24T10:00:00Z",
    sent: {
      identity: {
        directoryId: "id-1",
        username: "jdoe",
        logins: ["jdoe", "jane.doe"],
        dn: "uid=jdoe,ou=people,dc=uni,dc=example",
        createdAt: null,
        fullName: "Jane Doe",
        email: "jane@uni.example",
        groups: [],
        isAdmin: false,
      },
    },
  });
  const ada = letter("Ada", { failureId: "abd456" });
  const all = [ada, jane];

  it.each([
    [{ user: "JDOE" }, [jane]],
    [{ user: "ada" }, [ada]],
    [{ user: "ad" }, []],
    [{ stage: "team" }, [jane]],
    [{ code: "gitea.*" }, [jane]],
    [{ code: "gitea" }, []],
    [{ class: "permanent" }, [ada]],
    [{ since: new Date("2026-11-24T10:00:00Z") }, [jane]],
    [{ until: new Date("2026-11-24T09:59:59Z") }, [ada]],
    [{ ids: ["ab"] }, [ada, jane]],
    [{ ids: ["abc", "zzz"] }, [jane]],
    [{ ids: [ada.envelope?.delivery.id ?? ""] }, [ada]],
    [{ limit: 1 }, [ada]],
    [{}, [ada, jane]],
  ])("%j", (filter, expected) => {
    expect(filterLetters(all, filter)).toEqual(expected);
  });
});

describe("the nearest word", () => {
  it.each([
    ["identiy", "identity"],
    ["TEAM", "team"],
    ["acount", "account"],
    ["taem", "team"],
    ["repo", "repository"],
    ["re", undefined],
    ["xyz", undefined],
    ["", undefined],
  ])("to %j is %j", (word, expected) => {
    expect(nearest(word, ["identity", "account", "team", "repository"])).toBe(expected);
  });
});
