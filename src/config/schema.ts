import { hostname } from "node:os";
import { z } from "zod";
import { limitsSchema } from "./limits-schema.ts";
import { duration, size } from "./units.ts";

const port = (standard: number) => z.int().min(0).max(65535).default(standard);
const text = (standard: string) => z.string().default(standard);
/** `host:port`, `[v6]:port`, or a template with `{hostname}` or `{name}`. */
const address = z
  .string()
  .regex(
    /^(?:\[[0-9a-f:.]+\]|[\w.{}-]+):\d{1,5}$/i,
    "expected HOST:PORT (with {hostname} or {name} where wanted)",
  );
const secret = z.string().min(1).meta({ secret: true });
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/;

const rtmp = z.strictObject({
  port: port(1935).describe("RTMP port; 0 takes a free one"),
  chunkSize: z
    .int()
    .min(128)
    .max(1_048_576)
    .default(65_536)
    .describe("bytes per chunk that this origin sends"),
  windowAckSize: size("2500KB", "64KB", "64MB").describe("bytes after which a peer acknowledges"),
});

const rtmps = z.strictObject({
  port: z.int().min(0).max(65535).optional().describe("RTMPS port; RTMPS is off while this is not set"),
  cert: z.string().optional().describe("PEM file with the certificate chain; read again when it changes"),
  key: z.string().optional().describe("PEM file with the private key"),
});

const http = z.strictObject({
  port: port(8080).describe("HTTP-FLV, WS-FLV, health and peer endpoints; 0 takes a free one"),
});

const api = z.strictObject({
  port: port(8090).describe("API port; 0 takes a free one"),
  bind: z
    .string()
    .optional()
    .describe("address of the API port; loopback when there is no token, else `bind`"),
  token: secret.min(16).optional().describe("bearer token of the API; needed to offer it beyond loopback"),
});

const advertise = z.strictObject({
  rtmp: address.optional().describe("public RTMP address of this origin"),
  http: address.optional().describe("public HTTP address; HTTP-FLV players are redirected to it"),
  relay: address.optional().describe("fleet-internal RTMP address, where other origins pull"),
  peer: address.optional().describe("fleet-internal HTTP address, where other origins ask who lives here"),
});

const cluster = z.strictObject({
  key: secret.min(16).optional().describe("shared secret of the fleet; required with redis.url"),
  previousKey: secret.min(16).optional().describe("also accepted, while the key is being replaced"),
});

const redis = z.strictObject({
  url: z
    .string()
    .regex(
      /^(?:redis|rediss|redis-sentinel|redis-cluster):\/\/\S+$/,
      "expected redis://, rediss://, redis-sentinel:// or redis-cluster://",
    )
    .optional()
    .meta({ secret: "url" })
    .describe("where the registry is; without it the origin runs alone"),
  prefix: z
    .string()
    .regex(/^\{[\w.-]+\}$/, "expected a name in braces, such as {holdfast}")
    .default("{holdfast}")
    .describe("prefix of all keys, one hash tag; another prefix is another fleet"),
  commandTimeout: duration("400ms", "50ms", "10s").describe("longest wait for an answer"),
  connectTimeout: duration("1s", "100ms", "30s").describe("longest wait for a connection"),
});

const lease = z.strictObject({
  ttl: duration("5s", "1s", "5m").describe("life of a session without renewal"),
  renewEvery: duration("1s", "100ms", "1m").describe("time between renewals"),
});

const publish = z.strictObject({
  onDuplicate: z
    .enum(["takeover", "reject"])
    .default("takeover")
    .describe("what a second encoder of a live stream gets"),
  takeoverPauseMin: duration("1s", "0s", "10m").describe(
    "pause before the next take-over of a stream; doubles each time",
  ),
  takeoverPauseMax: duration("60s", "0s", "1h").describe("longest such pause"),
});

const play = z.strictObject({
  remote: z
    .enum(["auto", "redirect", "relay"])
    .default("auto")
    .describe("how a stream of another origin is played"),
  redirectForm: z.enum(["standard", "srs"]).default("standard").describe("code of the RTMP 302"),
  startTimeout: duration("5s", "100ms", "1m").describe("longest wait for a relay's first media"),
  waitForPublish: duration("0s", "0s", "10m").describe(
    "how long a play of an unknown stream waits for its publisher",
  ),
});

const continuity = z.strictObject({
  hold: duration("15s", "0s", "10m").describe("how long players are kept after their encoder is gone"),
});

const relay = z.strictObject({
  idleStop: duration("10s", "0s", "1h").describe("a relay ends this long after its last player"),
  rereadEvery: duration("1s", "100ms", "1m").describe(
    "time between checks that the owner is still the owner",
  ),
  stallTimeout: duration("2s", "200ms", "1m").describe(
    "a relay without media for this long looks its owner up again",
  ),
});

const fanout = z.strictObject({
  maxWindow: duration("100ms", "0s", "1s").describe(
    "longest time that messages are collected into one write",
  ),
  maxBacklog: size("8MB", "256KB", "1GB").describe(
    "unsent bytes of one player above which it skips to the next keyframe",
  ),
  dropAfter: duration("10s", "1s", "10m").describe(
    "a player with twice that backlog for this long is dropped",
  ),
});

const gop = z.strictObject({
  maxBytes: size("16MB", "0B", "1GB").describe(
    "most bytes kept per stream for players that join; 0B turns the cache off",
  ),
  maxDuration: duration("30s", "0s", "10m").describe("longest time kept per stream"),
});

const srs = z.strictObject({
  coworker: z
    .enum(["on", "off"])
    .default("on")
    .describe("answer SRS origins on /api/v1/clusters of the HTTP port"),
});

const log = z.strictObject({
  level: z
    .enum(["debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("least level that is logged"),
});

/** Every setting of an origin: type, range, default, meaning. `config/holdfast.yml` shows the same. */
export const configSchema = z
  .strictObject({
    name: z
      .string()
      .regex(NAME, "expected 1 to 63 letters, digits, dots, dashes or underscores")
      .default(() => hostname())
      .describe("name of this origin, unique in the fleet; the host name when not set"),
    bind: text("0.0.0.0").describe("address that the RTMP and HTTP ports listen on"),
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
    rtmp: rtmp.prefault({}),
    rtmps: rtmps.prefault({}),
    http: http.prefault({}),
    api: api.prefault({}),
    advertise: advertise.prefault({}),
    cluster: cluster.prefault({}),
    redis: redis.prefault({}),
    lease: lease.prefault({}),
    publish: publish.prefault({}),
    play: play.prefault({}),
    continuity: continuity.prefault({}),
    relay: relay.prefault({}),
    fanout: fanout.prefault({}),
    gop: gop.prefault({}),
    limits: limitsSchema.prefault({}),
    srs: srs.prefault({}),
    log: log.prefault({}),
  })
  .superRefine((config, context) => {
    const problem = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (config.lease.ttl < 3 * config.lease.renewEvery)
      problem(["lease", "renewEvery"], "must be at most a third of lease.ttl");
    if (config.redis.url !== undefined && config.cluster.key === undefined)
      problem(["cluster", "key"], "is required with redis.url: every origin of a fleet needs the same key");
    if ((config.rtmps.port === undefined) !== (config.rtmps.cert === undefined))
      problem(["rtmps"], "port, cert and key belong together");
    if ((config.rtmps.cert === undefined) !== (config.rtmps.key === undefined))
      problem(["rtmps"], "port, cert and key belong together");
    if (config.publish.takeoverPauseMax < config.publish.takeoverPauseMin)
      problem(["publish", "takeoverPauseMax"], "must not be below publish.takeoverPauseMin");
    if (config.redis.commandTimeout * 2 > config.lease.ttl)
      problem(["redis", "commandTimeout"], "must be at most half of lease.ttl");
  });

/** The effective settings: durations in ms, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
/** The settings as written in the file. */
export type ConfigInput = z.input<typeof configSchema>;
