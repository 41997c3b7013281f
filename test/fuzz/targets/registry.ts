import fc from "fast-check";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { ClusterKey } from "../../../src/fleet/cluster-key.ts";
import { parseAddress } from "../../../src/media/rtmp/url.ts";
import * as codec from "../../../src/registry/codec.ts";
import { parseRedisUrl } from "../../../src/registry/redis-url.ts";
import { asList, asNumber, asText } from "../../../src/registry/replies.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions } from "../seeds.ts";
import { exactly, joined } from "./byte-arbitraries.ts";

const KEY = parseStreamKey("live/cam");
const SCOPE = { purpose: "relay", target: "instance", subject: "live/cam" } as const;
const NOW = 1_700_000_000_000;
const cluster = new ClusterKey("0123456789abcdef0123456789abcdef");

/** What each first byte reads; the rest is text, NUL between the fields of a hash. */
const READERS: readonly ((text: string, fields: readonly string[]) => void)[] = [
  (_text, fields) => {
    const origin = codec.decodeOrigin(fields);
    if (!origin) return;
    must(origin.name !== "" && origin.epoch > 0, "an origin without name or epoch");
    for (const number of [origin.since, origin.beat, origin.load, origin.streams, origin.weight])
      must(Number.isFinite(number) && number >= 0, `an origin's number is ${number}`);
  },
  (_text, fields) => {
    const stream = codec.decodeStream(KEY, fields, NOW);
    if (!stream) return;
    must(stream.origin !== "" && stream.epoch > 0 && stream.token > 0, "a stream without owner");
    must(Number.isFinite(stream.takeovers) && stream.takeovers >= 0, "take-overs");
  },
  (text, fields) => {
    const event = codec.decodeEvent([text.slice(0, 20), fields]);
    must(event === undefined || (Number.isFinite(event.at) && event.at >= 0), "the time of an event");
  },
  (text) => {
    const owned = codec.decodeOwned(text);
    if (!owned) return;
    must(parseStreamKey(owned.key) === owned.key && owned.token > 0, "an owned stream without token");
    const again = codec.decodeOwned(codec.encodeOwned(owned));
    must(again?.key === owned.key && again.token === owned.token, "an owned stream changes on the way");
  },
  (text) => {
    const notice = codec.decodeNotice(text);
    if (notice?.type !== "taken-over") return;
    must(parseStreamKey(notice.stream.key) === notice.stream.key, "a notice of no stream");
  },
  (text) => {
    const { endpoints, db } = parseRedisUrl(text);
    must(endpoints.length > 0 && endpoints.every(({ port }) => port > 0 && port < 65_536), "no endpoint");
    must(Number.isInteger(db), "the database is no number");
  },
  (text) => cluster.admit(text, SCOPE, NOW),
  (text) => cluster.admitHeader(text, SCOPE, NOW),
  (text) => {
    const { host, port } = parseAddress(text);
    must(host !== "" && port > 0 && port < 65_536, "an address without port");
  },
  (text, fields) => {
    asText(text);
    must(asList(fields) === fields, "a list");
    must(Number.isFinite(asNumber(text)), "a number");
  },
];

function run(input: Buffer): void {
  const text = input.subarray(1).toString();
  READERS[(input[0] ?? 0) % READERS.length]?.(text, text.split("\0"));
}

const NAMES = [
  "name",
  "epoch",
  "token",
  "origin",
  "since",
  "beat",
  "load",
  "streams",
  "weight",
  "kind",
  "countedUntil",
  "takeovers",
  "state",
];
const VALUES = [
  "",
  "0",
  "1",
  "-1",
  "1e999",
  "NaN",
  "0x10",
  " 5 ",
  "1700000000001",
  "9007199254740993",
  "ingest",
  "draining",
  "o1",
];
const hash = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)), { maxLength: 13 })
  .map((pairs) => Buffer.from(pairs.flat().join("\0")));
const texts = exactly(
  ...[
    "17 live/cam",
    "taken-over 17 live/cam",
    "redis://u:p%40@h:6379/1",
    "rediss://h",
    "redis-sentinel://a,b:1/m/2?tls=true",
  ],
  ...[
    "redis-cluster://[::1]:7000,b",
    "Holdfast v1.loyw3v28.abcdefghijklmnop.",
    "[::1]:80",
    "h:1",
    "1700000000000-0",
  ],
  ...[`v1.${(NOW + 9_000).toString(36)}.abcdefghijklmnop.${"A".repeat(43)}`, cluster.ticket(SCOPE, NOW)],
);
const reader = fc.nat(READERS.length - 1).map((index) => Buffer.from([index]));

export const target: FuzzTarget = {
  name: "registry",
  codes: ["CONFIG_INVALID", "TICKET_INVALID", "REQUEST_INVALID", "REGISTRY_REFUSED"],
  structure: joined(reader, fc.oneof(hash, texts)),
  seeds: regressions("registry"),
  words: [...NAMES, ...VALUES, "\0", "taken-over ", "redis://", "%", "@", "//", "?tls=true", "v1."],
  mostBytes: 4_096,
  mostSteps: (bytes) => 50_000 + 1_000 * bytes,
  mostMemory: (bytes) => ({ largest: 65_536 + bytes, total: 262_144 + 64 * bytes }),
  run,
};
