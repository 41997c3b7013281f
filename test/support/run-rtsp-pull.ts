import type { TestContext } from "node:test";
import type { Logger } from "pino";
import { configSchema } from "../../src/config/schema.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { pullRtsp } from "../../src/media/ingest/rtsp-pull.ts";
import type { PullOptions } from "../../src/media/ingest/pull-options.ts";
import { receiveBudgets, type ReceiveBudgets } from "../../src/media/receive-budgets.ts";
import { classify, type PacketInfo } from "../../src/media/packet.ts";
import { quietPullOptions } from "./quiet-pull-options.ts";
import { watchPull, type PullWishes, type WatchedPull } from "./watch-pull.ts";

export interface RtspPullCase extends Partial<PullOptions>, PullWishes {
  readonly log?: Logger;
}

/** One pull of an `rtsp:` source. */
export interface RtspPull extends WatchedPull {
  readonly budgets: ReceiveBudgets;
}

/** Pull `url`; the pull ends with the test at the latest. */
export function runRtspPull(
  t: TestContext,
  url: string,
  { onPacket, onOpened, ...more }: RtspPullCase = {},
): RtspPull {
  const config = configSchema.parse({});
  const budgets = receiveBudgets(config.limits);
  const options = { ...quietPullOptions(config), budgets, ...more };
  const target = { url, label: "live/cam", validFor: () => 60_000 };
  const pull = watchPull(t, { onPacket, onOpened }, (sink, signal) =>
    pullRtsp(target, sink, signal, options),
  );
  return Object.assign(pull, { budgets });
}

/** A frame as it arrived. */
export interface PulledFrame {
  readonly packet: MediaPacket;
  readonly info: PacketInfo;
  readonly dts: number;
  readonly pts: number;
}

export function framesOf(packets: readonly MediaPacket[], type: "audio" | "video"): PulledFrame[] {
  return packets.flatMap((packet) => {
    const info = classify(packet);
    if (packet.type !== type || info.role !== "frame") return [];
    return [{ packet, info, dts: packet.timestamp, pts: packet.timestamp + info.compositionTime }];
  });
}
