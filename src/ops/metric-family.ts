import type { Sample } from "./counts.ts";
import type { MetricSources } from "./metric-sources.ts";

/** One metric that is read from an origin's numbers: name, meaning, labels, and how to read it. */
export interface MetricFamily {
  readonly type: "gauge" | "counter";
  /** As Prometheus knows it: `holdfast_…`, counters end in `_total`, times are in seconds, sizes in bytes. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  read(sources: MetricSources): Iterable<Sample>;
}

/** A metric of one number. */
export function one(value: number | boolean): readonly Sample[] {
  return [{ labels: {}, value: Number(value) }];
}
