import fc from "fast-check";
import { connectAccepted } from "../../../src/media/rtmp/answers.ts";
import { writeMessage } from "../../../src/media/rtmp/chunk-writer.ts";
import { answerOf, isEnd, readStatus } from "../../../src/media/rtmp/client-status.ts";
import { decodeCommand } from "../../../src/media/rtmp/commands.ts";
import { readControlNumber, readUserControl } from "../../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../../src/media/rtmp/message.ts";
import { answerCall, streamNameOf } from "../../../src/media/rtmp/session-calls.ts";
import { readConnect } from "../../../src/media/rtmp/session-connect.ts";
import { readPlayName, readStreamName } from "../../../src/media/stream-name.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { messagesOf } from "../seed-messages.ts";
import { regressions, rtmpSeeds } from "../seeds.ts";
import { AMF_WORDS, amfName, amfValue } from "./amf-arbitraries.ts";
import { exactly, joined, several, uint } from "./byte-arbitraries.ts";

const LIMITS = { depth: 16, elements: 1_024 };
const PEER = { id: "fuzz", protocol: "rtmp", address: "192.0.2.1" } as const;
const COMMAND = [17, 20];
const NUMBERS = [1, 2, 3, 5, 6];

/** The first byte is the message's type. */
function run(input: Buffer): void {
  const type = input[0] ?? 0;
  const payload = input.subarray(1);
  const message: RtmpMessage = { type, streamId: 1, chunkStreamId: 3, timestamp: 0, payload };
  if (type === 4) {
    const event = readUserControl(message);
    return must(event.event !== "setBufferLength" || event.ms >= 0, "a buffer length is negative");
  }
  if (NUMBERS.includes(type)) return must(readControlNumber(message) >= 0, "a control number is negative");
  if (!COMMAND.includes(type)) return;
  const command = decodeCommand(message, LIMITS);
  const answers: RtmpMessage[] = [];
  const caller = { send: (...messages: readonly RtmpMessage[]) => void answers.push(...messages) };
  const player = {
    pause: (paused: boolean) => must(typeof paused === "boolean", "paused"),
    seek: () => undefined,
  };
  answerCall(caller, command, player);
  must(answers.length <= 2, "one call has more than two answers");
  const { target, client, offer } = readConnect(command, PEER);
  answers.push(connectAccepted(command.transaction, offer));
  for (const answer of answers) {
    must(answer.payload.length <= 8_192 + 8 * input.length, "an answer is much longer than the call");
    const [written] = messagesOf(writeMessage(answer, 128));
    must(written?.payload.equals(answer.payload) === true, "an answer cannot be read");
    decodeCommand(answer, { depth: 64, elements: 1 << 20 });
  }
  must(client.agent.length <= 128, "the agent is too long for a log line");
  const status = readStatus(command);
  must(answerOf(status)?.outcome !== "redirected" || status.redirect !== "", "a redirect leads nowhere");
  isEnd(status);
  const name = streamNameOf(command);
  readStreamName(target, name, ["other.example"]);
  readPlayName(target, name, ["other.example"]);
}

const COMMANDS = fc.constantFrom(17, 20).map((type) => Buffer.from([type]));

export const target: FuzzTarget = {
  name: "commands",
  codes: ["PROTOCOL_VIOLATION", "LIMIT_EXCEEDED", "STREAM_NAME_INVALID"],
  structure: fc.oneof(
    {
      weight: 6,
      arbitrary: joined(
        COMMANDS,
        amfName,
        exactly("\0\x3f\xf0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\0\0"),
        several(amfValue, 4),
      ),
    },
    { weight: 1, arbitrary: joined(uint(1, 6), uint(2, 9), several(uint(4), 2)) },
  ),
  seeds: [
    ...rtmpSeeds()
      .flatMap(messagesOf)
      .filter(({ type }) => type < 8 || COMMAND.includes(type))
      .map(({ type, payload }) => Buffer.concat([Buffer.from([type]), payload])),
    ...regressions("commands"),
  ],
  words: AMF_WORDS,
  mostBytes: 16_384,
  mostSteps: (bytes) => 100_000 + 1_000 * bytes,
  mostMemory: (bytes) => ({ largest: 131_072 + 64 * bytes, total: 1_048_576 + 256 * bytes }),
  run,
};
