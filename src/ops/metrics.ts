import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry as MetricRegistry } from "prom-client";
import type { Clock } from "../domain/ports/clock.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { RelayDialer } from "../domain/ports/relay.ts";
import { measuredDialer } from "./measured-dialer.ts";
import type { NoteAnswer } from "./measured-gates.ts";
import { measuredRegistry } from "./measured-registry.ts";
import { mergeMetrics } from "./merge-metrics.ts";
import { FAMILIES, streamFamilies } from "./metric-families.ts";
import type { MetricFamily } from "./metric-family.ts";
import type { MetricSources } from "./metric-sources.ts";

export interface WorkerMetrics {
  /** Its number, which every sample carries as the label `worker`. */
  readonly number: number;
  /** What it tells of itself, and what the other workers tell of themselves. */
  gather(own: string): Promise<readonly string[]>;
}

export interface MetricsOptions {
  readonly name: string;
  readonly instance: string;
  readonly version: string;
  readonly clock: Clock;
  /** Set for one of several workers that share an API port. */
  readonly worker?: WorkerMetrics | undefined;
  /** Whether each stream has series of its own, and how many streams at most. */
  readonly settings: { readonly perStream: boolean; readonly streamsMost: number };
}

/** A few round trips inside a host, up to a command that timed out. */
const REGISTRY_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** From a stream that is here to a relay that has waited for its first media. */
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Stalls of the event loop from this length on are seen, in ms. */
const LOOP_PRECISION_MS = 20;

/**
 * The metrics of one origin in Prometheus' text format, in a registry of its own: two origins may run in one process.
 *
 * Counters and gauges are read from plain numbers when somebody asks; nothing is done per packet. The number of
 * series is bounded: no label holds what a client sends, except the stream when `settings.perStream` asks for it.
 */
export class OriginMetrics {
  readonly #registry = new MetricRegistry();
  readonly #options: MetricsOptions;
  readonly #requests: Histogram<"request">;
  readonly #failures: Counter<"request" | "code">;
  readonly #answers: Counter<"request" | "answer">;
  readonly #refusals: Counter<"request" | "code">;
  readonly #answerTimes: Histogram<"request">;
  readonly #pulling: Gauge;
  readonly #pulls: Counter;
  readonly #pullFailures: Counter<"code">;

  constructor(options: MetricsOptions) {
    this.#options = options;
    if (options.worker) this.#registry.setDefaultLabels({ worker: String(options.worker.number) });
    const registers = [this.#registry];
    const { name, instance, version } = options;
    new Gauge({
      registers,
      name: "holdfast_build_info",
      help: "Always 1; the label tells the version",
      labelNames: ["version"],
    }).set({ version }, 1);
    new Gauge({
      registers,
      name: "holdfast_origin_info",
      help: "Always 1; the labels tell who this is: name and random id of the run",
      labelNames: ["origin", "instance"],
    }).set({ origin: name, instance }, 1);
    this.#requests = new Histogram({
      registers,
      name: "holdfast_registry_request_seconds",
      help: "Round trips to the registry by request, failed ones included: register, heartbeat, claim, locate …",
      labelNames: ["request"],
      buckets: REGISTRY_SECONDS,
    });
    this.#failures = new Counter({
      registers,
      name: "holdfast_registry_failures_total",
      help: "Requests to the registry that failed, by request and code",
      labelNames: ["request", "code"],
    });
    this.#answers = new Counter({
      registers,
      name: "holdfast_requests_total",
      help: "Answers to publish, play and relay (another origin that pulls): accepted, redirected, refused",
      labelNames: ["request", "answer"],
    });
    for (const request of ["publish", "play", "relay"])
      for (const answer of ["accepted", "refused"]) this.#answers.inc({ request, answer }, 0);
    this.#refusals = new Counter({
      registers,
      name: "holdfast_refusals_total",
      help: "Refused publishes, plays and relays by code",
      labelNames: ["request", "code"],
    });
    this.#answerTimes = new Histogram({
      registers,
      name: "holdfast_answer_seconds",
      help: "From a publish, play or relay to its answer, a relay's first media included",
      labelNames: ["request"],
      buckets: ANSWER_SECONDS,
    });
    this.#pulling = new Gauge({
      registers,
      name: "holdfast_relay_pulls",
      help: "Streams that are being pulled from other origins now",
    });
    this.#pulls = new Counter({
      registers,
      name: "holdfast_relay_pulls_total",
      help: "Pulls from other origins that were begun",
    });
    this.#pullFailures = new Counter({
      registers,
      name: "holdfast_relay_failures_total",
      help: "Pulls that failed, by code",
      labelNames: ["code"],
    });
  }

  /** The type of `text`, for HTTP. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Read `sources` from now on, and watch the process: memory, CPU, event loop, garbage collection. */
  start(sources: MetricSources): void {
    const { perStream, streamsMost } = this.#options.settings;
    for (const family of [...FAMILIES, ...(perStream ? streamFamilies(streamsMost) : [])])
      addFamily(this.#registry, family, sources);
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  }

  /** All of it, now. */
  own(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same with that of the other workers, of which there are none mostly. */
  async text(): Promise<string> {
    const own = await this.own();
    const { worker } = this.#options;
    return worker ? mergeMetrics(await worker.gather(own)) : own;
  }

  /** The same registry of the fleet, with its round trips measured. */
  registry(registry: Registry): Registry {
    return measuredRegistry(registry, this.#options.clock, (request, ms, code) => {
      this.#requests.observe({ request }, ms / 1_000);
      if (code !== undefined) this.#failures.inc({ request, code });
    });
  }

  /** The same dialer, with its pulls counted. */
  dialer(dialer: RelayDialer): RelayDialer {
    return measuredDialer(dialer, {
      began: () => {
        this.#pulling.inc();
        this.#pulls.inc();
      },
      ended: (code) => {
        this.#pulling.dec();
        if (code !== undefined) this.#pullFailures.inc({ code });
      },
    });
  }

  /** Count how a gate answered. */
  readonly answered: NoteAnswer = (request, answer, ms, code) => {
    this.#answers.inc({ request, answer });
    this.#answerTimes.observe({ request }, ms / 1_000);
    if (code !== undefined) this.#refusals.inc({ request, code });
  };
}

function addFamily(registry: MetricRegistry, family: MetricFamily, sources: MetricSources): void {
  const { name, help, labels } = family;
  const common = { registers: [registry], name, help, labelNames: [...labels] };
  if (family.type === "gauge") {
    const gauge: Gauge = new Gauge({
      ...common,
      collect() {
        gauge.reset();
        for (const { labels, value } of family.read(sources)) gauge.inc(labels, value);
      },
    });
  } else {
    const counter: Counter = new Counter({
      ...common,
      collect() {
        counter.reset();
        for (const { labels, value } of family.read(sources)) counter.inc(labels, value);
      },
    });
  }
}
