import { decodeAmf0 } from "../../../src/media/rtmp/amf0-decode.ts";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../../src/media/rtmp/amf0.ts";
import { MESSAGE, type RtmpMessage } from "../../../src/media/rtmp/message.ts";
import { setChunkSize } from "../../../src/media/rtmp/control.ts";
import { ChunkForger } from "../../support/forge-chunks.ts";
import { mutate } from "../engine/mutate.ts";
import type { Random } from "../engine/random.ts";

const NAMES = [
  "seed",
  "seed",
  "cam",
  "cam?a=b",
  "other",
  "a/b",
  "",
  "..",
  "seed.flv",
  "mp4:seed",
  "ü",
] as const;
const COMMANDS = [
  ...[
    "connect",
    "createStream",
    "publish",
    "play",
    "play2",
    "pause",
    "seek",
    "deleteStream",
    "closeStream",
    "close",
  ],
  ...[
    "FCPublish",
    "FCUnpublish",
    "releaseStream",
    "receiveVideo",
    "getStreamLength",
    "_result",
    "onStatus",
    "what",
  ],
] as const;
const TYPES = [1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 19, 20, 22, 32] as const;
const TIMES = [0, 1, 0xff_fffe, 0xff_ffff, 0x100_0000, 0x7fff_ffff, 0xffff_ffff] as const;
const CHUNK_STREAMS = [2, 3, 4, 5, 6, 8, 63, 64, 320, 65_599] as const;
const COMMAND_TYPES: readonly number[] = [MESSAGE.command, MESSAGE.commandAmf3];
const AMF = { depth: 16, elements: 1_024 };

/** Something that may happen to a client's messages. */
type Change = (messages: RtmpMessage[], random: Random) => RtmpMessage[];

const drop: Change = (messages, random) =>
  messages.toSpliced(random.below(messages.length), 1 + random.below(3));

const duplicate: Change = (messages, random) => {
  const at = random.below(messages.length);
  return messages.toSpliced(at, 0, ...messages.slice(at, at + 1 + random.below(3)));
};

const move: Change = (messages, random) => {
  const at = random.below(messages.length);
  const rest = messages.toSpliced(at, 1);
  return rest.toSpliced(random.below(rest.length + 1), 0, messages[at] as RtmpMessage);
};

const cutOff: Change = (messages, random) => messages.slice(0, random.below(messages.length + 1));

const changeHeader: Change = (messages, random) =>
  withOne(messages, random, (message) =>
    random.pick([
      { ...message, type: random.pick(TYPES) },
      { ...message, streamId: random.pick([0, 1, 2, 0xffff_ffff]) },
      { ...message, chunkStreamId: random.pick(CHUNK_STREAMS) },
      { ...message, timestamp: random.pick(TIMES) },
      { ...message, timestamp: (message.timestamp + random.below(20_000) - 10_000) >>> 0 },
    ]),
  );

const changePayload: Change = (messages, random) =>
  withOne(messages, random, (message) => ({
    ...message,
    payload: mutate(message.payload, random, { other: message.payload, words: [], mostBytes: 20_000 }),
  }));

const insertCommand: Change = (messages, random) => {
  const name = random.pick(COMMANDS);
  const payload = encodeAmf0(name, random.below(9), null, argument(random), argument(random));
  const streamId = random.below(2);
  const message = { type: MESSAGE.command, streamId, chunkStreamId: 3, timestamp: 0, payload };
  return messages.toSpliced(random.below(messages.length + 1), 0, message);
};

/** Another name, transaction or argument of a command. */
const changeCommand: Change = (messages, random) => {
  const commands = messages.filter(({ type }) => COMMAND_TYPES.includes(type));
  if (commands.length === 0) return insertCommand(messages, random);
  const chosen = random.pick(commands);
  const values = valuesOf(chosen);
  if (values.length === 0) return messages;
  const at = random.below(values.length);
  values[at] = at === 0 ? random.pick(COMMANDS) : argument(random);
  const changed = { ...chosen, payload: encodeAmf0(...values) };
  return messages.map((message) => (message === chosen ? changed : message));
};

/** The stream's name, wherever it is said. */
const rename: Change = (messages, random) => {
  const name = random.pick(NAMES);
  return messages.map((message) => {
    const values = COMMAND_TYPES.includes(message.type) ? valuesOf(message) : [];
    if (typeof values[3] !== "string") return message;
    values[3] = name;
    return { ...message, payload: encodeAmf0(...values) };
  });
};

const CHANGES: readonly Change[] = [
  ...[drop, drop, duplicate, duplicate, move, move, cutOff, changeHeader, changeHeader, changePayload],
  ...[insertCommand, changeCommand, changeCommand, rename, rename],
];

/** Some changes to the messages of a session. */
export function changeMessages(messages: readonly RtmpMessage[], random: Random): RtmpMessage[] {
  let changed = [...messages];
  for (let left = random.pick([0, 1, 1, 2, 3, 6]); left > 0 && changed.length > 0; left--)
    changed = random.pick(CHANGES)(changed, random);
  return changed;
}

/** The messages of two clients on one connection, each in its order. */
export function interleave(
  one: readonly RtmpMessage[],
  other: readonly RtmpMessage[],
  random: Random,
): RtmpMessage[] {
  const left = [[...one], [...other]];
  const out: RtmpMessage[] = [];
  while (left.some(({ length }) => length > 0)) {
    const list = random.pick(left.filter(({ length }) => length > 0));
    out.push(...list.splice(0, 1 + random.below(4)));
  }
  return out;
}

/** Messages as bytes, in parts that end where a client waits for an answer: behind connect, publish and play. */
export function partsOf(messages: readonly RtmpMessage[], random: Random): Buffer[] {
  const forger = new ChunkForger();
  const parts: Buffer[][] = [[]];
  forger.chunkSize = random.pick([128, 128, 4_096, 65_536]);
  if (forger.chunkSize !== 128) parts[0]?.push(setChunkSize(forger.chunkSize));
  const format = random.pick([0, 0, 1, 3] as const);
  for (const message of messages) {
    // The forger has said itself how long its chunks are.
    if (message.type === MESSAGE.setChunkSize && random.below(8) > 0) continue;
    parts.at(-1)?.push(forger.write(message, { format }));
    if (!COMMAND_TYPES.includes(message.type)) continue;
    if (["connect", "publish", "play"].includes(String(valuesOf(message)[0]))) parts.push([]);
  }
  return parts.map((part) => Buffer.concat(part)).filter(({ length }) => length > 0);
}

function withOne(
  messages: RtmpMessage[],
  random: Random,
  change: (message: RtmpMessage) => RtmpMessage,
): RtmpMessage[] {
  const at = random.below(messages.length);
  return messages.toSpliced(at, 1, change(messages[at] as RtmpMessage));
}

/** Empty when it cannot be read. */
function valuesOf({ payload }: RtmpMessage): AmfValue[] {
  try {
    return decodeAmf0(payload[0] === 0 ? payload.subarray(1) : payload, AMF);
  } catch {
    return [];
  }
}

function argument(random: Random): AmfValue {
  return random.pick<AmfValue>([
    ...NAMES,
    0,
    1,
    -1,
    1e308,
    null,
    true,
    false,
    undefined,
    {},
    [1, "a"],
    { app: "live" },
    "x".repeat(5_000),
  ]);
}
