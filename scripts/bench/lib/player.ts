import { dial, type RtmpClient } from "../../../src/media/rtmp/client.ts";
import type { Server } from "./servers.ts";

const LIMITS = {
  messageBytes: 16_777_216,
  chunkStreams: 64,
  halfReceivedBytes: 67_108_864,
  amf: { depth: 16, elements: 1_024 },
};

export type PlayerKind = "player" | "srs-edge";

/** A connected player that has not asked for a stream yet. */
export async function connectPlayer(origin: Server, kind: PlayerKind): Promise<RtmpClient> {
  return dial({
    host: "127.0.0.1",
    port: origin.rtmpPort,
    app: "live",
    tcUrl: `rtmp://127.0.0.1:${origin.rtmpPort}/live`,
    timeoutMs: 10_000,
    limits: LIMITS,
    signal: AbortSignal.timeout(60_000),
    ...(kind === "srs-edge" ? { connectExtras: { srs_server: "SRS", srs_version: "6.0.157" } } : {}),
  });
}

export interface Answer {
  readonly outcome: string;
  /** ms from `play` to the first answer, whatever it is. */
  readonly answeredMs: number;
  /** ms from `play` to the first audio or video; `undefined` when there was none. */
  readonly mediaMs: number | undefined;
}

/** Ask for a stream and measure. `media` waits for the first packet, too. */
export async function timePlay(client: RtmpClient, name: string, media: boolean): Promise<Answer> {
  let arrived: (at: number) => void = () => undefined;
  const first = new Promise<number>((resolve) => (arrived = resolve));
  const began = performance.now();
  // createStream goes along: a player that is connected has mostly sent it before.
  const answer = await client.play(name, ({ type }) => type !== 18 && arrived(performance.now()), {
    pipelined: true,
  });
  const answeredMs = performance.now() - began;
  const at = media ? await Promise.race([first, client.ended.then(() => undefined)]) : undefined;
  client.destroy();
  return { outcome: answer.outcome, answeredMs, mediaMs: at === undefined ? undefined : at - began };
}
