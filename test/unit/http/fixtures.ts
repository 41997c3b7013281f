import { pino } from "pino";
import { configSchema, type ConfigInput } from "../../../src/config/schema.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { OriginRecord } from "../../../src/domain/origin-record.ts";
import type { Registry } from "../../../src/domain/ports/registry.ts";
import { parseStreamKey, type StreamKey } from "../../../src/domain/stream-key.ts";
import type { ExpectedIngest, StreamRecord } from "../../../src/domain/stream-record.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { MemoryIngests } from "../../../src/registry/memory-ingests.ts";
import { MemoryStore } from "../../../src/registry/memory-store.ts";
import type { FlvHandlers } from "../../../src/http/routes-flv.ts";

export const SINCE = Date.UTC(2026, 0, 2, 3, 4, 5);

export const o1: OriginRecord = {
  name: "o1",
  instance: "instance-of-o1",
  host: "o1",
  rtmp: "127.0.0.1:19350",
  http: "127.0.0.1:9090",
  relay: "10.0.0.1:1935",
  peer: "10.0.0.1:8080",
  state: "up",
  weight: 1,
  version: "0.1.0",
  epoch: 7,
  beat: 42,
  load: 0.25,
  streams: 1,
  since: SINCE,
};

export const cam1: StreamRecord = {
  key: parseStreamKey("live/cam1"),
  origin: "o1",
  epoch: 7,
  token: 1_767_323_045_000_001,
  kind: "publish",
  since: SINCE,
  publisher: "192.0.2.1",
  codecs: "avc1,mp4a",
  previous: "",
  takeovers: 0,
  rank: 0,
  stalled: false,
};

/** Settings as the file would give them, with free ports on loopback. */
export function settings(input: ConfigInput = {}) {
  return configSchema.parse({
    name: "o1",
    bind: "127.0.0.1",
    ...input,
    http: { port: 0, ...input.http },
    api: { port: 0, ...input.api },
  });
}

/** The reading half of the registry port over the two records above, and ingests that nobody pulls. */
export function registryWith(
  streams: readonly StreamRecord[] = [cam1],
  expected: ReadonlyMap<StreamKey, ExpectedIngest> = new Map(),
): Registry {
  const unexpected = () => Promise.reject(new HoldfastError("INTERNAL", { detail: "not part of this test" }));
  const locate = (key: StreamKey) => {
    const record = streams.find((one) => one.key === key);
    return record && { record, owner: o1 };
  };
  return {
    address: "memory",
    available: true,
    ingests: new MemoryIngests(() => new MemoryStore(systemClock)),
    connect: () => Promise.resolve([]),
    close: () => Promise.resolve(),
    register: unexpected,
    heartbeat: unexpected,
    leave: unexpected,
    suspect: unexpected,
    bury: unexpected,
    wakeAll: unexpected,
    wishState: unexpected,
    kickStream: unexpected,
    claimStream: unexpected,
    touchStreams: unexpected,
    releaseStreams: unexpected,
    describeStream: unexpected,
    locate: (keys) => Promise.resolve(keys.map(locate)),
    lookUp: (keys) =>
      Promise.resolve(keys.map((key) => ({ location: locate(key), ingest: expected.get(key) }))),
    listOrigins: () => Promise.resolve([o1]),
    listStreams: () => Promise.resolve(streams),
    sessionTimeLeft: () => Promise.resolve(4_321),
    recentEvents: (count) =>
      Promise.resolve(
        ["live/cam1", "live/cam2", "live/cam1"]
          .map((stream, index) => ({
            id: `${index}-0`,
            at: SINCE + index,
            type: "stream-claimed",
            fields: { stream, origin: "o1" },
          }))
          .slice(-count),
      ),
    followEvents: () => {
      throw new HoldfastError("INTERNAL");
    },
    onNotice: unexpected,
  };
}

/** A registry that gives no answer to anything. */
export function silentRegistry(): Registry {
  const silent = () =>
    Promise.reject(
      new HoldfastError("REGISTRY_UNAVAILABLE", { detail: "connect ECONNREFUSED 10.0.0.5:6379" }),
    );
  return {
    ...registryWith(),
    available: false,
    locate: silent,
    lookUp: silent,
    listOrigins: silent,
    listStreams: silent,
  };
}

/** Media handlers that say what they were handed. */
export function flvHandlers(): FlvHandlers & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    get(request, response) {
      seen.push(`${request.method} ${request.url}`);
      response.end("FLV");
    },
    post(request, response) {
      seen.push(`POST ${request.url}`);
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (part) => (body += part));
      request.on("end", () => response.end(`took ${body}`));
    },
    upgrade(request, socket) {
      seen.push(`UPGRADE ${request.url}`);
      socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    },
    stop: () => void seen.push("STOP"),
  };
}

/** A log whose lines end in a list. */
export function logInto(lines: string[]) {
  return pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
}
