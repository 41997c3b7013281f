/** What is used of node-media-server 4.4.3, which ships no types. Nothing here leaves `node-media-server.ts`. */

declare module "node-media-server/src/core/logger.js" {
  const logger: { level: string };
  export default logger;
}

declare module "node-media-server/src/protocol/sdp.js" {
  interface Media {
    /** Lower case: `video`, `audio`, `application`. */
    readonly type: string;
    readonly port: number;
    readonly payloadType: number;
    /** Upper case; empty without an rtpmap. */
    readonly codec: string;
    /** Hz; 0 without an rtpmap. */
    readonly clockRate: number;
    readonly channels: number;
    /** Names as written. */
    readonly fmtp: Readonly<Record<string, string>>;
    readonly control: string;
    readonly direction: string;
  }
  const SdpParser: {
    parse(text: string): {
      readonly attributes: Readonly<Record<string, string>>;
      readonly media: readonly Media[];
    } | null;
  };
  export default SdpParser;
}

declare module "node-media-server/src/protocol/rtp.js" {
  interface Packet {
    readonly marker: boolean;
    readonly payloadType: number;
    readonly sequenceNumber: number;
    readonly timestamp: number;
    readonly ssrc: number;
    /** Without padding: a part of the buffer that was parsed. */
    readonly payload: Buffer;
  }
  const RtpParser: {
    parse(buffer: Buffer): Packet | null;
    seqDiff(before: number, now: number): number;
    timestampDiff(before: number, now: number): number;
  };
  export default RtpParser;
}

declare module "node-media-server/src/protocol/rtcp.js" {
  interface Packet {
    readonly type: number;
    readonly ssrc?: number;
    readonly ntpTimestampMsw?: number;
    readonly ntpTimestampLsw?: number;
    readonly rtpTimestamp?: number;
  }
  const RtcpParser: {
    /** @throws RangeError for a report that is shorter than its kind */
    parseCompound(buffer: Buffer): readonly Packet[];
    buildEmptyReceiverReport(ssrc: number): Buffer;
  };
  export default RtcpParser;
}
