import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { limitsSchema } from "../../src/config/limits-schema.ts";
import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import { createOrigin, type Origin } from "../../src/origin.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../src/media/rtmp/amf0.ts";
import { connectionCommand } from "../../src/media/rtmp/commands.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { flvHeader, flvTag } from "../support/flv-file.ts";
import { webSocketFrame } from "../support/noise.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { memoryLog, type LogLine } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { audio, media, settled } from "../support/wire-session.ts";

type Limits = NonNullable<ConfigInput["limits"]>;

/** Clients of one origin, whose ends the row waits for. */
class Scene {
  readonly origin: Origin;
  readonly lines: readonly LogLine[];
  readonly #clients: WireClient[] = [];
  readonly #sockets: Socket[] = [];

  constructor(origin: Origin, lines: readonly LogLine[]) {
    this.origin = origin;
    this.lines = lines;
  }

  async dial(): Promise<WireClient> {
    const client = await WireClient.open(this.origin.addresses.rtmp);
    this.#clients.push(client);
    return client;
  }

  async connected(): Promise<WireClient> {
    const client = await this.dial();
    await client.connectTo("live");
    return client;
  }

  async publishing(name: string): Promise<WireClient> {
    const client = await this.connected();
    client.tell(1, "publish", null, name, "live");
    await client.status("NetStream.Publish.Start");
    return client;
  }

  /** A connection by hand, that reads and throws away. */
  raw(port: "rtmp" | "http" | "api", ...parts: readonly (string | Buffer)[]): Socket {
    const [host, number] = this.origin.addresses[port].split(":");
    const socket = connect({ host: host as string, port: Number(number) });
    socket.on("error", () => undefined).resume();
    this.#sockets.push(socket);
    for (const part of parts) socket.write(part);
    return socket;
  }

  /** How many connections the origin has ended. */
  get ended(): number {
    return (
      this.#clients.filter(({ ended }) => ended).length +
      this.#sockets.filter((socket) => socket.closed || socket.readableEnded).length
    );
  }

  close(): void {
    for (const client of this.#clients) client.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

interface Row {
  readonly limit: keyof Limits;
  readonly tight: string | number;
  /** What makes the tight limit matter, or keeps another one out of the way. */
  readonly beside?: Limits;
  readonly play?: ConfigInput["play"];
  readonly act: (scene: Scene) => Promise<unknown>;
  /** `code` of the line that the operator sees; `undefined` where HTTP's own answer is all there is. */
  readonly code?: string;
}

const post = (name: string) =>
  `POST /live/${name}.flv HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n`;
const tag = (bytes: number) => flvTag({ type: 9, timestamp: 0, body: Buffer.alloc(bytes, 0x27) });
const picture = (bytes: number, id = 6) => ({
  ...media(MESSAGE.video, Buffer.alloc(bytes, 0x27)),
  chunkStreamId: id,
});
const UPGRADE =
  "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
const command = (...values: AmfValue[]) => ({
  ...media(MESSAGE.command, encodeAmf0("x", 0, ...values)),
  chunkStreamId: 3,
});
/** All chunks of a message but the last. */
async function half(client: WireClient, bytes: number, id = 6): Promise<void> {
  client.sendBytes(Buffer.concat(client.chunksOf(picture(bytes, id)).slice(0, -1)));
}

function threeConnections(port: "rtmp" | "http") {
  return async (scene: Scene): Promise<void> => {
    for (let count = 0; count < 3; count++) {
      const socket = scene.raw(port);
      await waitFor(() => socket.readyState === "open" || socket.closed, { what: "a connection" });
    }
  };
}

/** A stream that has something to play. */
async function publishBeat(scene: Scene): Promise<void> {
  const publisher = await scene.publishing("beat");
  publisher.send(media(MESSAGE.video, videoHeader()));
  publisher.send(media(MESSAGE.video, videoFrame({ key: true })));
  await settled(publisher);
}

const ROWS: readonly Row[] = [
  {
    limit: "handshakeTimeout",
    tight: "300ms",
    code: "TIMED_OUT",
    act: async (scene) => scene.raw("rtmp", Buffer.from([3])),
  },
  {
    limit: "handshakeTimeout",
    tight: "300ms",
    act: async (scene) => scene.raw("http", "GET / HTTP/1.1\r\n"),
  },
  { limit: "connectTimeout", tight: "300ms", code: "TIMED_OUT", act: (scene) => scene.dial() },
  { limit: "commandTimeout", tight: "300ms", code: "TIMED_OUT", act: (scene) => scene.connected() },
  { limit: "publisherTimeout", tight: "1s", code: "TIMED_OUT", act: (scene) => scene.publishing("silent") },
  {
    limit: "publisherTimeout",
    tight: "1s",
    code: "TIMED_OUT",
    act: async (scene) => scene.raw("http", post("silent"), flvHeader()),
  },
  {
    limit: "playerTimeout",
    tight: "1s",
    code: "TIMED_OUT",
    act: async (scene) => {
      await publishBeat(scene);
      const mute = await scene.connected();
      mute.tell(1, "play", null, "beat");
    },
  },
  {
    limit: "messageBeforeConnect",
    tight: "1KB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) =>
      (await scene.dial()).send(connectionCommand("connect", 1, { app: "x".repeat(2_000) })),
  },
  {
    limit: "messageBeforePublish",
    tight: "4KB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) => (await scene.connected()).send(command("x".repeat(5_000))),
  },
  {
    limit: "messageAfterPublish",
    tight: "64KB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) => (await scene.publishing("long")).send(picture(70_000)),
  },
  {
    limit: "messageAfterPublish",
    tight: "64KB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) => scene.raw("http", post("long"), flvHeader(), tag(70_000)),
  },
  {
    limit: "chunkStreamsBeforePublish",
    tight: 4,
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      const client = await scene.connected();
      for (let id = 10; id < 15; id++) client.send({ ...command(id), chunkStreamId: id });
    },
  },
  {
    limit: "chunkStreamsAfterPublish",
    tight: 10,
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      const client = await scene.publishing("many");
      for (let id = 10; id < 22; id++) client.send(picture(10, id));
    },
  },
  {
    limit: "halfReceived",
    tight: "1MB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      const client = await scene.publishing("half");
      for (let id = 10; id < 14; id++) await half(client, 500_000, id);
    },
  },
  {
    limit: "halfReceivedTotal",
    tight: "1MB",
    beside: { halfReceived: "64MB" },
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      for (const name of ["a", "b"]) await half(await scene.publishing(name), 500_000);
      scene.raw("http", post("c"), flvHeader(), tag(500_000).subarray(0, 400_000));
    },
  },
  {
    limit: "halfReceivedBeforePublish",
    tight: "1MB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      for (let count = 0; count < 6; count++) {
        const client = await scene.connected();
        for (let id = 10; id < 14; id++) await half(client, 60_000, id);
      }
    },
  },
  {
    limit: "amfDepth",
    tight: 2,
    code: "LIMIT_EXCEEDED",
    act: async (scene) => (await scene.connected()).send(command({ a: { b: { c: 1 } } })),
  },
  {
    limit: "amfString",
    tight: "1KB",
    code: "LIMIT_EXCEEDED",
    act: async (scene) => (await scene.connected()).send(command("x".repeat(2_000))),
  },
  {
    limit: "amfElements",
    tight: 40,
    code: "LIMIT_EXCEEDED",
    act: async (scene) => (await scene.connected()).send(command(Array.from({ length: 60 }, () => 1))),
  },
  {
    limit: "commandsPerSecond",
    tight: 10,
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      const client = await scene.connected();
      for (let count = 0; count < 20; count++) client.send(command(count));
    },
  },
  {
    limit: "messagesPerSecond",
    tight: 100,
    code: "LIMIT_EXCEEDED",
    act: async (scene) => {
      const client = await scene.publishing("busy");
      for (let count = 0; count < 200; count++) client.send(audio("x"));
    },
  },
  {
    limit: "messagesPerSecond",
    tight: 100,
    code: "LIMIT_EXCEEDED",
    act: async (scene) =>
      scene.raw("http", post("busy"), flvHeader(), Buffer.concat(Array.from({ length: 200 }, () => tag(10)))),
  },
  { limit: "connections", tight: 2, act: threeConnections("rtmp") },
  { limit: "connections", tight: 2, act: threeConnections("http") },
  { limit: "connectionsPerAddress", tight: 2, act: threeConnections("rtmp") },
  { limit: "connectsPerSecond", tight: 2, act: threeConnections("rtmp") },
  { limit: "connectsPerSecond", tight: 2, act: threeConnections("http") },
  {
    limit: "httpHeader",
    tight: "1KB",
    act: async (scene) =>
      scene.raw("http", `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(2_000)}\r\n\r\n`),
  },
  {
    limit: "webSocketMessage",
    tight: "128B",
    code: "PROTOCOL_VIOLATION",
    act: async (scene) => {
      await publishBeat(scene);
      const socket = scene.raw("http", `GET /live/beat.flv HTTP/1.1\r\n${UPGRADE}`);
      await waitFor(() => socket.bytesRead > 100, { what: "the upgrade" });
      // Two fragments of one message.
      const [first, second] = [2, 0].map((opcode) => webSocketFrame(opcode, Buffer.alloc(100))) as [
        Buffer,
        Buffer,
      ];
      first[0] = 0x02;
      socket.write(Buffer.concat([first, second]));
    },
  },
  {
    limit: "streamsWaiting",
    tight: 1,
    play: { waitForPublish: "1m" },
    code: "ORIGIN_FULL",
    act: async (scene) => {
      for (const name of ["one", "two"]) (await scene.connected()).tell(1, "play", null, name);
    },
  },
];

async function open(config: ConfigInput): Promise<Scene> {
  const ports = { bind: "127.0.0.1", rtmp: { port: 0 }, http: { port: 0 }, api: { port: 0 } };
  const { log, lines } = memoryLog();
  const origin = createOrigin(configSchema.parse({ ...config, ...ports }), { log });
  await origin.start();
  return new Scene(origin, lines);
}

for (const [index, { limit, tight, beside, play, act, code }] of ROWS.entries())
  test(`limits.${limit} ends who exceeds it, and it alone does (${index + 1})`, async () => {
    const others = play === undefined ? {} : { play };
    const loose = await open({ ...others, limits: { ...beside } });
    const strict = await open({ ...others, limits: { ...beside, [limit]: tight } });
    try {
      await act(loose);
      // The very act may fail that goes too far.
      await act(strict).catch(() => undefined);
      await waitFor(() => strict.ended > 0, { within: 30_000, what: "the end of a connection" });
      const ends = () => strict.lines.filter(({ msg }) => msg === "session ended");
      if (code)
        await waitFor(() => ends().some((line) => line["code"] === code), { what: `a line with ${code}` });
      assert.equal(loose.ended, 0);
      assert.deepEqual(
        [...loose.lines, ...strict.lines].filter(({ level }) => Number(level) >= 50),
        [],
      );
    } finally {
      for (const scene of [loose, strict]) {
        scene.close();
        await scene.origin.stop();
      }
    }
  });

test("every limit has a row above", () => {
  // Of the body limit test/unit/http/app.test.ts knows: a route must be there that reads one.
  const rows = new Set<string>([...ROWS.map(({ limit }) => limit), "httpBody"]);
  assert.deepEqual(
    Object.keys(limitsSchema.shape).filter((limit) => !rows.has(limit)),
    [],
  );
});
