import { Counts, type Sample } from "./counts.ts";
import { one, type MetricFamily } from "./metric-family.ts";

const STATES = ["idle", "starting", "live", "retrying", "resting"] as const;

/** About ingests: sources that origins pull. */
export const INGEST_FAMILIES: readonly MetricFamily[] = [
  {
    type: "gauge",
    name: "holdfast_ingests",
    help: "Ingests at this origin by state: idle (waits for its turn or its lease), starting, live, retrying, resting",
    labels: ["state"],
    read: ({ ingests }) => ingestsByState(ingests.states()),
  },
  {
    type: "counter",
    name: "holdfast_ingest_pulls_total",
    help: "Connections to sources that were begun",
    labels: [],
    read: ({ ingests }) => one(ingests.counts.pulls),
  },
  {
    type: "counter",
    name: "holdfast_ingest_failures_total",
    help: "Pulls that failed, by code",
    labels: ["code"],
    read: ({ ingests }) => [...ingests.counts.failures].map(([code, value]) => ({ labels: { code }, value })),
  },
  {
    type: "counter",
    name: "holdfast_ingest_moves_total",
    help: "Ingests handed over to another origin by plan",
    labels: [],
    read: ({ ingests }) => one(ingests.counts.moves),
  },
  {
    type: "counter",
    name: "holdfast_ingest_leases_lost_total",
    help: "Leases of ingests that were lost: fenced (not renewed in time, stopped by ourselves) or taken (the registry said so)",
    labels: ["how"],
    read: ({ ingests: { counts } }) => [
      { labels: { how: "fenced" }, value: counts.fences },
      { labels: { how: "taken" }, value: counts.losses },
    ],
  },
];

function ingestsByState(states: Iterable<string>): Iterable<Sample> {
  const counts = new Counts<{ state: string }>();
  for (const state of STATES) counts.add({ state }, 0);
  for (const state of states) counts.add({ state });
  return counts;
}
