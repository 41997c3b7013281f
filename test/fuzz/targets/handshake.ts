import fc from "fast-check";
import { findDigest, signPacket } from "../../../src/media/rtmp/digest.ts";
import { ClientHandshake, ServerHandshake, type HandshakeStep } from "../../../src/media/rtmp/handshake.ts";
import { hashOf, Random, splitBytes } from "../engine/random.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { clientSeeds, regressions } from "../seeds.ts";
import { bytesUpTo, exactly, joined } from "./byte-arbitraries.ts";

const PACKET = 1_536;
const WHOLE = 1 + 2 * PACKET;

/** A C1 or S1 of any signer, or of none. */
const packet: fc.Arbitrary<Uint8Array> = fc
  .record({
    fill: fc.nat(),
    version: fc.constantFrom(0, 0x0400_0501, 0x8000_0702, 0x0a0b_0c0d),
    scheme: fc.constantFrom("first" as const, "second" as const, undefined),
    signer: fc.constantFrom("player" as const, "server" as const),
  })
  .map(({ fill, version, scheme, signer }) => {
    const bytes = new Random(fill).bytes(PACKET);
    bytes.writeUInt32BE(version, 4);
    if (scheme) signPacket(bytes, scheme, signer);
    return bytes;
  });

interface Outcome {
  readonly reply: Buffer;
  readonly done: boolean;
  readonly rest: Buffer;
}

/** Push everything, and what is due after the end nowhere. */
function shake(handshake: { push(data: Buffer): HandshakeStep }, pieces: readonly Buffer[]): Outcome {
  const replies: Buffer[] = [];
  const rest: Buffer[] = [];
  let done = false;
  for (const piece of pieces) {
    if (done) {
      rest.push(piece);
      continue;
    }
    const step = handshake.push(piece);
    replies.push(step.reply);
    done = step.done;
    must(done || step.rest.length === 0, "bytes are left over before the end");
    rest.push(step.rest);
  }
  return { reply: Buffer.concat(replies), done, rest: Buffer.concat(rest) };
}

function run(input: Buffer): void {
  const pieces = splitBytes(input, new Random(hashOf(input)));
  const server = shake(new ServerHandshake(), pieces);
  const whole = shake(new ServerHandshake(), input.length === 0 ? [] : [input]);
  for (const { reply, done, rest } of [server, whole]) {
    must(done === input.length >= WHOLE, "the handshake ends with its last byte");
    must(!done || rest.equals(input.subarray(WHOLE)), "what comes after the handshake is handed on");
    must(reply.length === (input.length > PACKET ? WHOLE : 0), "S0, S1 and S2 answer C1, once");
    if (reply.length > 0) checkReply(reply, input.subarray(1, 1 + PACKET));
  }
  if (input[0] !== 3) return;
  const client = shake(new ClientHandshake(), pieces);
  must(client.done === input.length >= WHOLE, "the client's side ends with its last byte");
  must(input.length <= PACKET || client.reply.equals(input.subarray(1, 1 + PACKET)), "C2 is an echo of S1");
}

function checkReply(reply: Buffer, c1: Buffer): void {
  const s1 = reply.subarray(1, 1 + PACKET);
  const s2 = reply.subarray(1 + PACKET);
  const signed = c1.readUInt32BE(4) === 0 ? undefined : findDigest(c1);
  if (!signed) return must(s2.equals(c1), "S2 of a simple handshake is an echo");
  must(findDigest(s1, "server")?.scheme === signed.scheme, "a signed C1 gets an S1 signed the same way");
}

export const target: FuzzTarget = {
  name: "handshake",
  codes: ["PROTOCOL_VIOLATION"],
  structure: joined(
    exactly("\x03", "\x03", "\x03", "\x00", "\x06", "\x16", "G", "\x1f"),
    packet,
    packet,
    bytesUpTo(20),
  ),
  seeds: [...clientSeeds("rtmp-").map((seed) => seed.subarray(0, WHOLE + 64)), ...regressions("handshake")],
  words: ["\x03", "\x06", "\x16"],
  mostBytes: 2 * WHOLE,
  mostSteps: (bytes) => 100_000 + 40 * bytes,
  mostMemory: () => ({ largest: 65_536, total: 1 << 20 }),
  run,
};
