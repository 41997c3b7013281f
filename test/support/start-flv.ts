import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { createPublicApp } from "../../src/http/public-app.ts";
import { MediaChannels } from "../../src/media/channels.ts";
import { createFlvHandlers, type FlvHandlers } from "../../src/media/flv/handlers.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { openGates, type FakeGates } from "./fake-gates.ts";

export interface TestFlv {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly channels: MediaChannels;
  readonly gates: FakeGates;
  readonly handlers: FlvHandlers;
  /** The log lines so far. */
  readonly lines: readonly Record<string, unknown>[];
  /** A raw connection; reads nothing until told to. */
  dial(): Socket;
  stop(): Promise<void>;
}

/** The HTTP port of an origin that is alone: real server, real channels, gates that the test may replace. */
export async function startFlv(settings: ConfigInput = {}): Promise<TestFlv> {
  const config = configSchema.parse({ ...settings, bind: "127.0.0.1", http: { port: 0 } });
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const log = pino({ level: "debug" }, sink);
  const clock = systemClock;
  const channels = new MediaChannels({ clock, config, log });
  const gates = openGates(channels);
  const handlers = createFlvHandlers({ config, publish: gates, play: gates, log, clock });
  const app = createPublicApp({
    config,
    identity: { name: "test", instance: "test" },
    flv: handlers,
    lookup: async () => undefined,
    readiness: () => ({}),
    log,
  });
  await app.start();
  const sockets = new Set<Socket>();
  return {
    address: app.address,
    channels,
    gates,
    handlers,
    lines,
    dial() {
      const socket = connect(Number(app.address.split(":")[1]), "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.add(socket);
      return socket;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await app.stop();
    },
  };
}

/** The answer to a GET, before its body. */
export function get(url: string, options: { readonly method?: string } = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { ...options, agent: false }, resolve);
    request.on("error", reject);
    request.end();
  });
}

/** The whole body as text. */
export async function bodyOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** Packets as the tags that an FLV reader gives. */
export function asTags(packets: readonly MediaPacket[]) {
  const types = { audio: 8, video: 9, data: 18 } as const;
  return packets.map(({ type, timestamp, payload }) => ({ type: types[type], timestamp, body: payload }));
}
