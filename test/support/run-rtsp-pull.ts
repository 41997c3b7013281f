import type { TestContext } from "node:test";
import type { Logger } from "pino";
import { configSchema } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { pullRtsp } from "../../src/media/ingest/rtsp-pull.ts";
import type { PullOptions } from "../../src/media/ingest/pull-options.ts";
import { receiveBudgets, type ReceiveBudgets } from "../../src/media/memory-budget.ts";
import { classify, type PacketInfo } from "../../src/media/packet.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { createLogger } from "../../src/ops/logger.ts";

export interface RtspPullCase extends Partial<PullOptions> {
  readonly log?: Logger;
  /** Called with each packet; what it throws ends the pull. */
  readonly onPacket?: (packet: MediaPacket) => void;
}

/** One pull of an `rtsp:` source, and what came of it. */
export interface RtspPull {
  readonly packets: MediaPacket[];
  /** How often the sink was told that media may come. */
  readonly opened: number;
  readonly budgets: ReceiveBudgets;
  /** Resolves when the pull settles: with what it was rejected with. */
  readonly end: Promise<unknown>;
  abort(reason: Error): void;
}

/** Pull `url`; the pull ends with the test at the latest. */
export function runRtspPull(t: TestContext, url: string, test: RtspPullCase = {}): RtspPull {
  const { onPacket = () => undefined, ...options } = test;
  const { limits, log, rtmp } = configSchema.parse({});
  const budgets = receiveBudgets(limits);
  const stop = new AbortController();
  const packets: MediaPacket[] = [];
  let opened = 0;
  // An origin has sockets that keep it alive while a pull waits for its time.
  const alive = setInterval(() => undefined, 60_000);
  const end = pullRtsp(
    { url, label: "live/cam", validFor: () => 60_000 },
    {
      opened: () => void opened++,
      write(packet) {
        packets.push(packet);
        onPacket(packet);
      },
    },
    stop.signal,
    {
      connectTimeout: 20_000,
      idleTimeout: 20_000,
      allowExec: false,
      limits,
      rtmp,
      budgets,
      clock: systemClock,
      log: createLogger({ ...log, level: "silent" }, { service: "holdfast", origin: "test", version: "0" }),
      ...options,
    },
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  void end.finally(() => clearInterval(alive));
  t.after(async () => {
    stop.abort(new HoldfastError("STOPPING"));
    await end;
  });
  return {
    packets,
    get opened() {
      return opened;
    },
    budgets,
    end,
    abort: (reason) => stop.abort(reason),
  };
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
