import * as z from "zod";
import { rateSeconds } from "../local/schedule.ts";
import { parseTemplate } from "../local/template.ts";
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
type Alarm = z.infer<typeof Alarm>;

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
  const interval = intervalSeconds(settings["SYNC_SCHEDULE"]);
  const Period = Math.min(Math.max(interval ?? HOUR_SECONDS, SHORTEST_SECONDS), DAY_SECONDS);
  const wanted = Object.entries(Resources).filter(([id]) => {
    // How long a sync may rightly be silent by a cron expression, nobody works out.
    if (id === "SyncSilentAlarm") return interval !== undefined && interval <= DAY_SECONDS;
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

function intervalSeconds(schedule = "rate(5 minutes)"): number | undefined {
  return rateSeconds(schedule);
}

const WIDTH = 12;
const HEIGHT = 6;

/** What an on-call person looks at first: every alarm's state, then the very metrics of the alarms, and what became of events. */
export function dashboardOf(alarms: Record<string, Alarm>) {
  const values = new Values();
  const region = values.placeholder({ Ref: "AWS::Region" });
  const graph = (title: string, metrics: unknown[]) => ({
    type: "metric",
    width: WIDTH,
    height: HEIGHT,
    properties: { title, region, view: "timeSeries", period: 300, metrics },
  });
  const search = (id: string, expression: string) => [{ id, expression }];
  const watched = Object.values(alarms).map(({ Properties }) => Properties);
  const named = (name: string) =>
    watched
      .filter(({ MetricName }) => MetricName === name)
      .map(({ Namespace, MetricName, Dimensions, Statistic }) => [
        Namespace,
        MetricName,
        ...Dimensions.flatMap(({ Name, Value }) => [Name, values.placeholder(Value)]),
        { stat: Statistic },
      ]);
  const outcomes = (metric: string, stat: string) =>
    `SEARCH('{"hubforge/\${sls:stage}",stage,code} MetricName="${metric}"', '${stat}', 300)`;
  const widgets = [
    {
      type: "alarm",
      width: 2 * WIDTH,
      height: 4,
      properties: { title: "Alarms", alarms: Object.keys(alarms).map((id) => `\${${id}.Arn}`) },
    },
    graph("Dead letters", named("ApproximateNumberOfMessagesVisible")),
    graph("Age of the oldest message, seconds", named("ApproximateAgeOfOldestMessage")),
    graph("Events accepted, and refused", [
      search("accepted", outcomes("Accepted", "Sum")),
      search("refused", outcomes("Refused", "Sum")),
    ]),
    graph("Done, by stage and outcome", [search("done", outcomes("Done", "Sum"))]),
    graph("Tried again, by stage and reason", [search("retried", outcomes("Retried", "Sum"))]),
    graph("Dead letters written, by stage and reason", [search("letters", outcomes("DeadLettered", "Sum"))]),
    graph("From the door to done, seconds", [search("p90", outcomes("AgeAtDone", "p90"))]),
    graph("Sync, and what is refused", [...["SyncFinished", "HeldBack", "LeftToSync", "Unauthorized"].flatMap(named)]),
  ];
  return {
    Type: "AWS::CloudWatch::Dashboard",
    Properties: {
      DashboardName: `hubforge-\${sls:stage}`,
      DashboardBody: { "Fn::Sub": [JSON.stringify({ widgets }), values.byName] },
    },
  };
}

/** References to resources inside of a text, for `Fn::Sub`. */
class Values {
  readonly byName: Record<string, unknown> = {};

  placeholder(value: unknown): string {
    if (typeof value === "string") return value;
    const name = `value${Object.keys(this.byName).length}`;
    this.byName[name] = value;
    return `\${${name}}`;
  }
}
