import { hostname } from "node:os";
import { z } from "zod";
import type { IngestDefinition } from "../domain/ingest.ts";
import { ingestSchema, ingestsSchema } from "./ingest-schema.ts";
import { limitsSchema } from "./limits-schema.ts";
import { ORIGIN_NAME, ORIGIN_NAME_ALLOWED } from "./origin-name.ts";
import {
  advertiseSchema,
  apiSchema,
  clusterSchema,
  continuitySchema,
  drainSchema,
  fanoutSchema,
  gopSchema,
  httpSchema,
  leaseSchema,
  logSchema,
  metricsSchema,
  playSchema,
  publishSchema,
  redisSchema,
  relaySchema,
  rtmpSchema,
  rtmpsSchema,
  srsSchema,
  workersSchema,
} from "./sections.ts";

/** A name that is allowed, made of a host name, which may hold anything. */
export function nameOf(host: string): string {
  const name = host.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return name.slice(0, 63) || "origin";
}

/** All settings without the rules between them. */
export const settingsSchema = z.strictObject({
  name: z
    .string()
    .regex(ORIGIN_NAME, `expected ${ORIGIN_NAME_ALLOWED}`)
    .meta({ allowed: ORIGIN_NAME_ALLOWED, machine: true })
    .default(() => nameOf(hostname()))
    .describe("name of this origin, unique in the fleet; the host name when not set"),
  bind: z.string().min(1).default("0.0.0.0").describe("address that the RTMP and HTTP ports listen on"),
  weight: z
    .number()
    .min(0)
    .max(1_000)
    .default(1)
    .describe("share of the fleet's load that this origin takes"),
  vhosts: z
    .array(z.string().min(1))
    .default([])
    .describe("known vhosts; `vhost=` with any other name means the default vhost"),
  ingests: ingestsSchema.describe(
    "sources that the fleet pulls, each by one origin at a time; give every origin the same list",
  ),
  rtmp: rtmpSchema.prefault({}),
  rtmps: rtmpsSchema.prefault({}),
  http: httpSchema.prefault({}),
  api: apiSchema.prefault({}),
  workers: workersSchema.prefault({}),
  advertise: advertiseSchema.prefault({}),
  cluster: clusterSchema.prefault({}),
  redis: redisSchema.prefault({}),
  lease: leaseSchema.prefault({}),
  publish: publishSchema.prefault({}),
  play: playSchema.prefault({}),
  continuity: continuitySchema.prefault({}),
  drain: drainSchema.prefault({}),
  relay: relaySchema.prefault({}),
  ingest: ingestSchema.prefault({}),
  fanout: fanoutSchema.prefault({}),
  gop: gopSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  srs: srsSchema.prefault({}),
  metrics: metricsSchema.prefault({}),
  log: logSchema.prefault({}),
});

type Settings = z.output<typeof settingsSchema>;
/** The effective settings: durations in ms, sizes in bytes. Ingests that are not enabled are left out. */
export type Config = Omit<Settings, "ingests"> & { readonly ingests: readonly IngestDefinition[] };
/** The settings as written in the file. */
export type ConfigInput = z.input<typeof settingsSchema>;

type Path = readonly (string | number)[];

/** A rule between settings that are each valid alone. */
export interface Rule {
  /** The dotted paths that it compares; the first one is to be changed. */
  readonly about: readonly [string, ...string[]];
  /** True, or the places inside the first one that break it. */
  readonly broken: (config: Settings) => boolean | readonly Path[];
  readonly message: string;
}

const isLoopback = (address: string) => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(address);
const clash = (one: number, other: number) => one !== 0 && one === other;

const isExec = (url: string) => /^exec:/i.test(url);
const execPaths = ({ url, fallback }: Pick<IngestDefinition, "url" | "fallback">): Path[] => [
  ...(isExec(url) ? [["url"]] : []),
  ...fallback.flatMap((one, index) => (isExec(one) ? [["fallback", index]] : [])),
];

export const RULES: readonly Rule[] = [
  {
    about: ["lease.renewEvery", "lease.ttl"],
    broken: ({ lease }) => lease.ttl < 3 * lease.renewEvery,
    message: "must be at most a third of lease.ttl",
  },
  {
    about: ["redis.commandTimeout", "lease.ttl"],
    broken: ({ redis, lease }) => redis.commandTimeout * 2 > lease.ttl,
    message: "must be at most half of lease.ttl",
  },
  {
    about: ["cluster.key", "redis.url"],
    broken: ({ cluster, redis }) => redis.url !== undefined && cluster.key === undefined,
    message: "is required with redis.url: every origin of a fleet needs the same key",
  },
  {
    about: ["api.bind", "api.token"],
    broken: ({ api }) => api.bind !== undefined && api.token === undefined && !isLoopback(api.bind),
    message: "must be a loopback address while api.token is not set",
  },
  ...(["port", "cert", "key"] as const).map((missing): Rule => ({
    about: [`rtmps.${missing}`, "rtmps.port", "rtmps.cert", "rtmps.key"],
    broken: ({ rtmps }) =>
      rtmps[missing] === undefined && [rtmps.port, rtmps.cert, rtmps.key].some((one) => one !== undefined),
    message: "is missing: rtmps.port, rtmps.cert and rtmps.key belong together",
  })),
  {
    about: ["workers.count", "redis.url"],
    broken: ({ workers, redis }) => workers.count !== 1 && redis.url === undefined,
    message: "needs redis.url when it is not 1: there the workers find each other's streams",
  },
  ...(["relay", "peer"] as const).map((kind): Rule => ({
    about: [`advertise.${kind}`, "workers.count"],
    broken: ({ workers, advertise }) =>
      workers.count !== 1 && advertise[kind] !== undefined && !advertise[kind].endsWith(":0"),
    message: "must end in :0 when workers.count is not 1: each worker has a port of its own",
  })),
  {
    about: ["publish.takeoverPauseMax", "publish.takeoverPauseMin"],
    broken: ({ publish }) => publish.takeoverPauseMax < publish.takeoverPauseMin,
    message: "must not be below publish.takeoverPauseMin",
  },
  ...(
    [
      ["publish.stall", ({ publish }) => publish.stall],
      ["relay.stallTimeout", ({ relay }) => relay.stallTimeout],
      ["limits.publisherTimeout", ({ limits }) => limits.publisherTimeout],
      ["ingest.idleTimeout", ({ ingest }) => ingest.idleTimeout],
    ] as const satisfies [string, (config: Settings) => number][]
  ).map(([silence, of]): Rule => ({
    about: ["publish.maxWindow", silence],
    broken: (config) => config.publish.maxWindow > of(config) / 2,
    message: `must be at most half of ${silence}: a source that waits to be read seems silent`,
  })),
  {
    about: ["redis.lockNodes", "redis.url"],
    broken: ({ redis }) => redis.lockNodes.length > 0 && redis.url === undefined,
    message: "needs redis.url: lock nodes hold leases, and nothing else of the fleet",
  },
  {
    about: ["ingest.retryMax", "ingest.retryMin"],
    broken: ({ ingest }) => ingest.retryMax < ingest.retryMin,
    message: "must not be below ingest.retryMin",
  },
  {
    about: ["ingests", "ingest.allowExec"],
    broken: ({ ingest, ingests }) =>
      ingest.allowExec ? [] : ingests.flatMap((one, index) => execPaths(one).map((path) => [index, ...path])),
    message: "an exec: line needs ingest.allowExec: true",
  },
  {
    about: ["drain.deadline", "drain.settle", "drain.encoderGrace"],
    broken: ({ drain }) => drain.deadline < drain.settle + drain.encoderGrace,
    message: "must not be below drain.settle and drain.encoderGrace together",
  },
  {
    about: ["http.port", "rtmp.port"],
    broken: ({ http, rtmp }) => clash(http.port, rtmp.port),
    message: "must differ from rtmp.port",
  },
  {
    about: ["api.port", "rtmp.port", "http.port"],
    broken: ({ api, http, rtmp }) => clash(api.port, rtmp.port) || clash(api.port, http.port),
    message: "must differ from rtmp.port and http.port",
  },
  {
    about: ["rtmps.port", "rtmp.port", "http.port", "api.port"],
    broken: ({ rtmps, rtmp, http, api }) =>
      [rtmp.port, http.port, api.port].some((port) => clash(rtmps.port ?? 0, port)),
    message: "must differ from the other ports",
  },
];

/** Every setting of an origin: type, range, default, meaning. `config/holdfast.yml` shows the same. */
export const configSchema = settingsSchema
  .superRefine((config, context) => {
    for (const { about, broken, message } of RULES) {
      const places = broken(config);
      const found = typeof places !== "boolean" ? places : places ? [[]] : [];
      for (const path of found)
        context.addIssue({ code: "custom", path: [...about[0].split("."), ...path], message });
    }
  })
  .transform((settings): Config => ({ ...settings, ingests: settings.ingests.flatMap(definition) }));

function definition({ enabled, ...ingest }: Settings["ingests"][number]): IngestDefinition[] {
  return enabled ? [ingest] : [];
}
