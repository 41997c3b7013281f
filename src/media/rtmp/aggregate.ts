import { HoldfastError } from "../../domain/errors.ts";
import { MESSAGE, type RtmpMessage } from "./message.ts";

/** Type, length, timestamp (low 24 bits, then high 8), stream id: the header of an FLV tag. */
const TAG_HEADER = 11;
/** The back pointer after each message. */
const BACK_POINTER = 4;
/** FMS and its encoders gather some dozens; one message must not keep everybody else waiting. */
const MOST_PARTS = 4_096;

/**
 * Split an aggregate (type 22) into its audio, video and data messages, handed over in order.
 *
 * Their times are moved so that the first one has the aggregate's; they belong to the aggregate's stream, whatever
 * they say. [RTMP 1.0 §7.1.6]
 *
 * @throws HoldfastError `PROTOCOL_VIOLATION` when the parts do not fit, or are neither media nor data, `LIMIT_EXCEEDED` when
 * there are too many
 */
export function splitAggregate(aggregate: RtmpMessage, onMessage: (message: RtmpMessage) => void): void {
  const { payload } = aggregate;
  let at = 0;
  let shift: number | undefined;
  for (let parts = 1; at < payload.length; parts++) {
    if (parts > MOST_PARTS)
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "an aggregate has too many parts" });
    if (payload.length - at < TAG_HEADER) throw violation("an aggregate is cut short");
    const type = payload[at] as number;
    if (type !== MESSAGE.audio && type !== MESSAGE.video && type !== MESSAGE.data)
      throw violation("an aggregate holds something other than audio, video and data");
    const length = payload.readUIntBE(at + 1, 3);
    const time = payload.readUIntBE(at + 4, 3) + (payload[at + 7] as number) * 0x100_0000;
    shift ??= aggregate.timestamp - time;
    const start = at + TAG_HEADER;
    const end = start + length;
    if (end > payload.length) throw violation("an aggregate is cut short");
    onMessage({
      type,
      streamId: aggregate.streamId,
      chunkStreamId: aggregate.chunkStreamId,
      timestamp: (time + shift) >>> 0,
      payload: payload.subarray(start, end),
    });
    at = end + BACK_POINTER;
  }
}

function violation(detail: string): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail });
}
