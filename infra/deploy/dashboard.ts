import type { Alarm } from "./alarms.ts";

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
  // A search finds the metrics that have exactly these dimensions (shared/metrics.ts).
  const by = (dimensions: string, metric: string, stat: string) =>
    `SEARCH('{"hubforge/\${sls:stage}",${dimensions}} MetricName="${metric}"', '${stat}', 300)`;
  const outcomes = (metric: string, stat: string) => by("stage,code", metric, stat);
  const widgets = [
    {
      type: "alarm",
      width: 2 * WIDTH,
      height: 4,
      properties: { title: "Alarms", alarms: Object.keys(alarms).map((id) => `\${${id}.Arn}`) },
    },
    graph("Dead letters", named("ApproximateNumberOfMessagesVisible")),
    graph("Age of the oldest message, seconds", named("ApproximateAgeOfOldestMessage")),
    graph("Events accepted, refused, and not taken by SQS", [
      search("accepted", outcomes("Accepted", "Sum")),
      search("refused", outcomes("Refused", "Sum")),
      search("unqueued", outcomes("NotQueued", "Sum")),
    ]),
    graph("Done, by stage and outcome", [search("done", outcomes("Done", "Sum"))]),
    graph("Tried again, by stage and reason", [search("retried", outcomes("Retried", "Sum"))]),
    graph("Dead letters written, and not taken by SQS, by stage and reason", [
      search("letters", outcomes("DeadLettered", "Sum")),
      search("unwritten", outcomes("NotDeadLettered", "Sum")),
    ]),
    graph("From the door to done, seconds", [search("p90", outcomes("AgeAtDone", "p90"))]),
    graph("Sync, and what is refused", [
      ...["SyncFinished", "HeldBack", "LeftToSync", "Unauthorized"].flatMap(named),
      search("incomplete", by("code", "SyncIncomplete", "Sum")),
    ]),
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
