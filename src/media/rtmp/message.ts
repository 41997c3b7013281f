/** One RTMP message, put together from its chunks. [RTMP 1.0 §6] */
export interface RtmpMessage {
  /** Message type id; see {@link MESSAGE}. */
  readonly type: number;
  /** Message stream id: 0 is the connection itself, 1 the stream that createStream gave. */
  readonly streamId: number;
  readonly chunkStreamId: number;
  /** Absolute, ms, unsigned 32 bit; wraps. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

/** Message type ids. [RTMP 1.0 §5.4, §7.1] */
export const MESSAGE = Object.freeze({
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  data: 18,
  sharedObject: 19,
  command: 20,
  aggregate: 22,
  /** OBS 27.2 to 29.1: "come back soon"; only for clients that sent `supportsGoAway`. */
  goAway: 0x20,
});

/** Chunk stream ids that this origin sends on. Clients take any; these are what FMS and nginx use. */
export const CHUNK_STREAM = Object.freeze({
  /** Protocol control and user control. [RTMP 1.0 §5.4] */
  control: 2,
  /** Commands of the connection. */
  command: 3,
  audio: 4,
  /** Commands and data messages of the stream. */
  stream: 5,
  video: 6,
});

/** Largest chunk size and message length that the wire can express. */
export const MAX_CHUNK_SIZE = 0x7fff_ffff;
export const MAX_MESSAGE_BYTES = 0xff_ffff;
/** Chunk size of both directions until set. [RTMP 1.0 §5.4.1] */
export const DEFAULT_CHUNK_SIZE = 128;
