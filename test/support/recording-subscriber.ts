import type { HoldfastError } from "../../src/domain/errors.ts";
import type { OutputForm, Subscriber } from "../../src/domain/ports/channel.ts";
import { ChunkReader } from "../../src/media/rtmp/chunk-reader.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { flvHeader, FlvReader, type FlvTag } from "./flv-file.ts";

/** A player in memory: takes what it is given and reads it back. */
export class RecordingSubscriber implements Subscriber {
  readonly form: OutputForm;
  readonly writes: Buffer[] = [];
  reason: HoldfastError | undefined;
  backlog = 0;
  paused = false;

  constructor(form: OutputForm = "flv") {
    this.form = form;
  }

  write(batch: Buffer): void {
    if (this.reason) throw new Error("written to after its end");
    this.writes.push(batch);
  }

  end(reason: HoldfastError): void {
    if (this.reason) throw new Error("ended twice");
    this.reason = reason;
  }

  /** Everything it got, as messages: strict about every byte. */
  get tags(): readonly FlvTag[] {
    return this.form === "flv" ? this.#readFlv() : this.#readRtmp();
  }

  #readFlv(): readonly FlvTag[] {
    const reader = new FlvReader();
    reader.push(flvHeader());
    for (const batch of this.writes) {
      reader.push(batch);
      if (reader.unread > 0) throw new Error("a batch ends in the middle of a tag");
    }
    return reader.tags;
  }

  #readRtmp(): readonly FlvTag[] {
    const tags: FlvTag[] = [];
    const limits = { messageBytes: 16_777_216, chunkStreams: 8, halfReceivedBytes: 67_108_864 };
    const reader = new ChunkReader(limits, (message: RtmpMessage) => {
      if (message.streamId !== 1) throw new Error(`message stream ${message.streamId}`);
      tags.push({
        type: message.type as FlvTag["type"],
        timestamp: message.timestamp,
        body: Buffer.from(message.payload),
      });
    });
    const size = Buffer.alloc(16);
    size.writeUInt8(2, 0);
    size.writeUIntBE(4, 4, 3);
    size.writeUInt8(1, 7);
    size.writeUInt32BE(65_536, 12);
    reader.push(size);
    for (const batch of this.writes) reader.push(batch);
    return tags;
  }
}
