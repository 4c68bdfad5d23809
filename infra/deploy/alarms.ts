import * as z from "zod";
import { DEFAULT_SCHEDULE, rateSeconds } from "#shared/config/schedule.ts";
import { parseTemplate } from "../template.ts";
import type { Stage } from "./stage-file.ts";

const Alarm = z.object({
  Type: z.literal("AWS::CloudWatch::Alarm"),
  Properties: z.looseObject({
    AlarmName: z.string(),
    Namespace: z.string(),
    MetricName: z.string(),
    Dimensions: z.array(z.object({ Name: z.string(), Value: z.unknown() })),
    Statistic: z.string(),
  }),
});
export type Alarm = z.infer<typeof Alarm>;

/** Each door has its own metric of answers 5xx; the other door's does not exist. */
const OTHER_DOOR = { api: "IngressUrlErrorsAlarm", "function-urls": "IngressErrorsAlarm" } as const;

/** The longest period that is of use: three of them are within the seven days that PutMetricAlarm looks back at most. */
const DAY_SECONDS = 86_400;
const SHORTEST_SECONDS = 300;
/** For a cron expression: an alarm that begins again with each daily run is better than one that outlives the trouble. */
const HOUR_SECONDS = 3600;

/** The alarms of infra/alarms.yml for one stage: which door it has, how often its sync runs, whom they tell. */
export function alarmsFor({ stack, settings }: Stage): Record<string, Alarm> {
  const { Resources } = z.object({ Resources: z.record(z.string(), Alarm) }).parse(parseTemplate("infra/alarms.yml"));
  const { ALERT_TOPIC } = stack;
  const told = ALERT_TOPIC ? { AlarmActions: [ALERT_TOPIC], OKActions: [ALERT_TOPIC] } : {};
  const interval = rateSeconds(settings["SYNC_SCHEDULE"] ?? DEFAULT_SCHEDULE);
  const Period = Math.min(Math.max(interval ?? HOUR_SECONDS, SHORTEST_SECONDS), DAY_SECONDS);
  const wanted = Object.entries(Resources).filter(([id]) => {
    // How long a sync may rightly be silent by a cron expression, nobody works out.
    if (id === "SyncSilentAlarm") return stack.STACK_SYNC && interval !== undefined && interval <= DAY_SECONDS;
    return id !== OTHER_DOOR[stack.STACK_HTTP];
  });
  return Object.fromEntries(
    wanted.map(([id, alarm]) => {
      const ofSync = OF_THE_SYNC.includes(id) ? { Period } : {};
      return [id, { ...alarm, Properties: { ...alarm.Properties, ...ofSync, ...told } }];
    }),
  );
}

const OF_THE_SYNC = ["HeldBackAlarm", "LeftToSyncAlarm", "SyncSilentAlarm"];
