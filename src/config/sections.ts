import { z } from "zod";
import { duration, size } from "./units.ts";

const port = (standard: number) => z.int().min(0).max(65535).default(standard);
const pattern = (form: RegExp, allowed: string) =>
  z.string().regex(form, `expected ${allowed}`).meta({ allowed });
/** `host:port`, `[v6]:port`, or a template with `{hostname}` or `{name}`. */
const address = pattern(
  /^(?:\[[0-9a-f:.]+\]|[\w.{}-]+):\d{1,5}$/i,
  "HOST:PORT (with {hostname} or {name} where wanted)",
)
  .refine(
    (text) => Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535,
    "expected a port from 0 to 65535",
  )
  .optional();
const secret = z.string().min(16).meta({ secret: true, allowed: "at least 16 characters" }).optional();
const pemFile = z.string().min(1).meta({ file: true, allowed: "the path of a PEM file" }).optional();

export const rtmpSchema = z.strictObject({
  port: port(1935).describe("RTMP port; 0 takes a free one"),
  chunkSize: z
    .int()
    .min(128)
    .max(1_048_576)
    .default(65_536)
    .describe("bytes per chunk that this origin sends"),
  windowAckSize: size("2500KB", "64KB", "64MB").describe("bytes after which a peer acknowledges"),
});

export const rtmpsSchema = z.strictObject({
  port: z.int().min(0).max(65535).optional().describe("RTMPS port; RTMPS is off while this is not set"),
  cert: pemFile.describe("PEM file with the certificate chain; read again when it changes"),
  key: pemFile.describe("PEM file with the private key"),
});

export const httpSchema = z.strictObject({
  port: port(8080).describe("HTTP-FLV, WS-FLV, health and peer endpoints; 0 takes a free one"),
});

export const apiSchema = z.strictObject({
  port: port(8090).describe("API port; 0 takes a free one"),
  bind: z
    .string()
    .min(1)
    .optional()
    .describe("address of the API port; loopback when there is no token, else `bind`"),
  token: secret.describe("bearer token of the API; needed to offer it beyond loopback"),
});

export const workersSchema = z.strictObject({
  count: z
    .int()
    .min(0)
    .max(64)
    .default(1)
    .describe("processes that share the ports, each an origin of the fleet; 0 is one per core"),
  relayPort: port(0).describe(
    "RTMP port of the first worker for other origins; the next ones follow; 0 takes free ones",
  ),
  peerPort: port(0).describe("the same for HTTP"),
});

export const advertiseSchema = z.strictObject({
  rtmp: address.describe("public RTMP address of this origin"),
  http: address.describe("public HTTP address; HTTP-FLV players are redirected to it"),
  relay: address.describe("fleet-internal RTMP address, where other origins pull"),
  peer: address.describe("fleet-internal HTTP address, where other origins ask who lives here"),
});

export const clusterSchema = z.strictObject({
  key: secret.describe("shared secret of the fleet; required with redis.url"),
  previousKey: secret.describe("also accepted, while the key is being replaced"),
});

/** The server of a Redis URL: two databases of one server fall together. */
const serverOf = (url: string): string => {
  const server = /^rediss?:\/\/(?:.*@)?([^/?]+)/.exec(url)?.[1]?.toLowerCase() ?? "";
  return /:\d+$/.test(server) ? server : `${server}:6379`;
};

export const redisSchema = z.strictObject({
  url: pattern(
    /^(?:redis|rediss|redis-sentinel|redis-cluster):\/\/\S+$/,
    "redis://, rediss://, redis-sentinel:// or redis-cluster://",
  )
    .meta({ secret: "url" })
    .optional()
    .describe("where the registry is; without it the origin runs alone"),
  lockNodes: z
    .array(pattern(/^rediss?:\/\/\S+$/, "a redis:// or rediss:// URL").meta({ secret: "url" }))
    .refine((urls) => [0, 3, 5].includes(urls.length) && new Set(urls.map(serverOf)).size === urls.length)
    .default([])
    .meta({ allowed: "a list of no, three or five URLs of different servers" })
    .describe(
      "three or five independent Redis masters that hold the leases of ingests; with none the registry does",
    ),
  prefix: pattern(/^\{[\w.-]+\}$/, "a name in braces, such as {holdfast}")
    .default("{holdfast}")
    .describe("prefix of all keys, one hash tag; another prefix is another fleet"),
  commandTimeout: duration("400ms", "50ms", "10s").describe("longest wait for an answer"),
  connectTimeout: duration("1s", "100ms", "30s").describe("longest wait for a connection"),
});

export const leaseSchema = z.strictObject({
  ttl: duration("5s", "1s", "5m").describe("life of a session without renewal"),
  renewEvery: duration("1s", "100ms", "1m").describe("time between renewals"),
});

export const publishSchema = z.strictObject({
  onDuplicate: z
    .enum(["takeover", "reject", "standby"])
    .default("takeover")
    .describe("what a second encoder of a live stream gets; `standby` holds it ready"),
  maxWindow: duration("100ms", "0s", "1s").describe(
    "longest time that what encoders, relays and RTMP ingests send is left to collect before it is read, when they are many",
  ),
  takeoverPauseMin: duration("1s", "0s", "10m").describe(
    "pause before the next take-over of a stream; doubles each time",
  ),
  takeoverPauseMax: duration("60s", "0s", "1h").describe("longest such pause"),
  standbys: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("most encoders that stand by for one stream at this origin"),
  stall: duration("2s", "200ms", "1m").describe(
    "an encoder without video for this long (without sound, if it sends sound alone) gives way to a standby",
  ),
  prefer: z
    .enum(["first", "last"])
    .default("first")
    .describe("which of several steady encoders feeds a stream: the one that came first, or last"),
  preferAfter: duration("10s", "0s", "1h").describe(
    "how long the preferred encoder must be steady before it goes on again",
  ),
});

export const playSchema = z.strictObject({
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

export const continuitySchema = z.strictObject({
  hold: duration("15s", "0s", "10m").describe("how long players are kept after their encoder is gone"),
});

export const drainSchema = z.strictObject({
  deadline: duration("30s", "1s", "1h").describe(
    "longest time from the signal until the players that are left are let go",
  ),
  settle: duration("2s", "0s", "10m").describe(
    "time for balancers to see /readyz fail, before encoders are told to go",
  ),
  encoderGrace: duration("5s", "0s", "30m").describe(
    "time for encoders that understand a signal to go by themselves; the others are reset then",
  ),
});

export const relaySchema = z.strictObject({
  idleStop: duration("10s", "0s", "1h").describe("a relay ends this long after its last player"),
  rereadEvery: duration("1s", "100ms", "1m").describe(
    "time between checks that the owner is still the owner",
  ),
  stallTimeout: duration("2s", "200ms", "1m").describe(
    "a relay without media for this long looks its owner up again",
  ),
});

export const fanoutSchema = z.strictObject({
  maxWindow: duration("100ms", "0s", "1s").describe(
    "longest time that messages are collected into one write",
  ),
  maxBacklog: size("8MB", "256KB", "1GB").describe(
    "unsent bytes of one player above which it skips to the next keyframe",
  ),
  maxDelay: duration("10s", "1s", "5m").describe(
    "the same in time: unsent media of one player; whichever is reached first",
  ),
  dropAfter: duration("10s", "1s", "10m").describe(
    "a player with twice that backlog for this long is dropped",
  ),
});

export const gopSchema = z.strictObject({
  maxBytes: size("16MB", "0B", "1GB").describe(
    "most bytes kept per stream for players that join; 0B turns the cache off",
  ),
  maxDuration: duration("30s", "0s", "10m").describe("longest time kept per stream"),
  maxTotal: size("2GB", "0B", "1TB").describe(
    "bytes kept of all streams together, above which the largest groups are dropped",
  ),
});

export const srsSchema = z.strictObject({
  coworker: z
    .enum(["on", "off"])
    .default("on")
    .describe("answer SRS origins on /api/v1/clusters of the HTTP port"),
});

export const metricsSchema = z.strictObject({
  perStream: z
    .boolean()
    .default(false)
    .describe("also give metrics per stream, with its key as a label: one set of series for each stream"),
  streamsMost: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("so many streams at most, those with the most players; the others count in the totals only"),
});

export const logSchema = z.strictObject({
  level: z
    .enum(["debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("least level that is logged"),
});
