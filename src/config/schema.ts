import { hostname } from "node:os";
import { z } from "zod";
import { limitsSchema } from "./limits-schema.ts";
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

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/;
const NAME_ALLOWED = "1 to 63 letters, digits, dots, dashes or underscores";

/** A name that is allowed, made of a host name, which may hold anything. */
export function nameOf(host: string): string {
  const name = host.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return name.slice(0, 63) || "origin";
}

/** All settings without the rules between them. */
const settingsSchema = z.strictObject({
  name: z
    .string()
    .regex(NAME, `expected ${NAME_ALLOWED}`)
    .meta({ allowed: NAME_ALLOWED, machine: true })
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
  fanout: fanoutSchema.prefault({}),
  gop: gopSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  srs: srsSchema.prefault({}),
  metrics: metricsSchema.prefault({}),
  log: logSchema.prefault({}),
});

/** The effective settings: durations in ms, sizes in bytes. */
export type Config = z.output<typeof settingsSchema>;
/** The settings as written in the file. */
export type ConfigInput = z.input<typeof settingsSchema>;

/** A rule between settings that are each valid alone. */
export interface Rule {
  /** The dotted paths that it compares; the first one is to be changed. */
  readonly about: readonly [string, ...string[]];
  readonly broken: (config: Config) => boolean;
  readonly message: string;
}

const isLoopback = (address: string) => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(address);
const clash = (one: number, other: number) => one !== 0 && one === other;

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
export const configSchema = settingsSchema.superRefine((config, context) => {
  for (const rule of RULES) {
    if (rule.broken(config))
      context.addIssue({ code: "custom", path: rule.about[0].split("."), message: rule.message });
  }
});
