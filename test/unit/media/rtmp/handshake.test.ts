import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { findDigest, signAnswer, signPacket } from "../../../../src/media/rtmp/digest.ts";
import { ClientHandshake, ServerHandshake } from "../../../../src/media/rtmp/handshake.ts";

const PACKET = 1_536;
/** Genuine Adobe Flash Media Server 001, with the end that all keys share. */
const SERVER_KEY = Buffer.concat([
  Buffer.from("Genuine Adobe Flash Media Server 001"),
  Buffer.from("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae", "hex"),
]);

/** Whether an S2 is the signed answer to the C1 with this digest, as FFmpeg checks it. */
function isSignedAnswer(packet: Buffer, challenge: Buffer): boolean {
  const key = createHmac("sha256", SERVER_KEY).update(challenge).digest();
  const signed = createHmac("sha256", key).update(packet.subarray(0, -32)).digest();
  return signed.equals(packet.subarray(-32));
}

/** C0 and C1 of a client; `sign` as Flash and FFmpeg do. */
function hello(sign?: "first" | "second", version = 3): Buffer {
  const out = Buffer.alloc(1 + PACKET);
  for (let at = 9; at < out.length; at++) out[at] = (at * 7) & 0xff;
  out[0] = version;
  if (sign) {
    out.set([9, 0, 124, 2], 5);
    signPacket(out.subarray(1), sign, "player");
  }
  return out;
}

/** Push in pieces of `step` and return all replies, and the step that ended it. */
function run(side: ServerHandshake | ClientHandshake, data: Buffer, step: number) {
  const replies: Buffer[] = [];
  for (let at = 0; at < data.length; at += step) {
    const result = side.push(Buffer.from(data.subarray(at, at + step)));
    replies.push(result.reply);
    if (result.done) return { reply: Buffer.concat(replies), rest: Buffer.concat([result.rest, data.subarray(at + step)]) }; // prettier-ignore
    assert.equal(result.rest.length, 0);
  }
  return { reply: Buffer.concat(replies), rest: undefined };
}

describe("the server's handshake", () => {
  for (const step of [1, 7, 1_536, 1_537, 10_000])
    test(`answers a simple client with an echo, in pieces of ${step}`, () => {
      const c0c1 = hello();
      const { reply, rest } = run(new ServerHandshake(), Buffer.concat([c0c1, Buffer.alloc(PACKET), Buffer.from("more")]), step); // prettier-ignore
      assert.equal(reply.length, 1 + 2 * PACKET);
      assert.equal(reply[0], 3);
      assert.equal(reply.readUInt32BE(5), 0, "S1 says that it is simple");
      assert.deepEqual(reply.subarray(1 + PACKET), c0c1.subarray(1));
      assert.deepEqual(rest, Buffer.from("more"));
    });

  for (const scheme of ["first", "second"] as const)
    test(`signs its answer to a client that signed, digest in the ${scheme} block`, () => {
      const c0c1 = hello(scheme);
      const { reply } = run(new ServerHandshake(), c0c1, 1_537);
      const s1 = reply.subarray(1, 1 + PACKET);
      const s2 = reply.subarray(1 + PACKET);
      assert.equal(findDigest(s1, "server")?.scheme, scheme);
      assert.equal(s1.toString("hex", 4, 8), "04050001", "from 3 on, librtmp and FFmpeg look for a digest");
      const asked = findDigest(c0c1.subarray(1));
      assert.equal(asked?.scheme, scheme);
      assert.ok(isSignedAnswer(s2, asked.digest));
    });

  test("a client that says a version but signs wrongly gets the simple answer", () => {
    const c0c1 = hello("first");
    c0c1[1_000] = (c0c1[1_000] as number) ^ 1;
    const { reply } = run(new ServerHandshake(), c0c1, 1_537);
    assert.equal(reply.readUInt32BE(5), 0);
    assert.deepEqual(reply.subarray(1 + PACKET), c0c1.subarray(1));
  });

  test("an unknown version below 32 is answered with ours", () => {
    for (const version of [0, 1, 2, 4, 31])
      assert.equal(run(new ServerHandshake(), hello(undefined, version), 2_000).reply[0], 3);
  });

  for (const [version, detail] of [
    [6, /RTMPE/],
    [8, /RTMPE/],
    [9, /RTMPE/],
    [22, /TLS/],
    [32, /does not speak RTMP/],
    ["G".charCodeAt(0), /does not speak RTMP/],
    [255, /does not speak RTMP/],
  ] as const)
    test(`version ${version} is refused with its first byte`, () => {
      assert.throws(() => new ServerHandshake().push(Buffer.from([version])), {
        code: "PROTOCOL_VIOLATION",
        message: detail,
      });
    });

  test("nothing is sent before the whole of C1 is there", () => {
    const { reply, rest } = run(new ServerHandshake(), hello().subarray(0, PACKET), 100);
    assert.equal(reply.length, 0);
    assert.equal(rest, undefined);
  });
});

describe("the client's handshake", () => {
  for (const step of [1, 1_000, 10_000])
    test(`agrees with the server's, in pieces of ${step}`, () => {
      const client = new ClientHandshake();
      const server = new ServerHandshake();
      const first = run(server, client.start(), step);
      const second = run(client, Buffer.concat([first.reply, Buffer.from("media")]), step);
      assert.deepEqual(second.reply, first.reply.subarray(1, 1 + PACKET), "C2 is an echo of S1");
      assert.deepEqual(second.rest, Buffer.from("media"));
      assert.deepEqual(run(server, Buffer.concat([second.reply, Buffer.from("connect")]), step).rest, Buffer.from("connect")); // prettier-ignore
    });

  test("sends C2 with the last byte of S1, before S2 is there", () => {
    const client = new ClientHandshake();
    client.start();
    assert.equal(client.push(Buffer.concat([Buffer.from([3]), Buffer.alloc(PACKET - 1)])).reply.length, 0);
    const step = client.push(Buffer.from([1]));
    assert.equal(step.reply.length, PACKET);
    assert.equal(step.done, false);
    assert.equal(client.push(Buffer.alloc(PACKET)).done, true);
  });

  test("refuses a server that is none", () => {
    assert.throws(() => new ClientHandshake().push(Buffer.from("HTTP/1.1 400")), {
      code: "PROTOCOL_VIOLATION",
    });
  });
});

describe("the digest", () => {
  test("is found in every place it can be", () => {
    for (let sum = 0; sum < 4 * 255; sum += 13)
      for (const scheme of ["first", "second"] as const) {
        const packet = Buffer.alloc(PACKET, 1);
        const at = scheme === "first" ? 8 : 772;
        for (let index = 0, left = sum; index < 4; index++) {
          packet[at + index] = Math.min(255, left);
          left -= packet[at + index] as number;
        }
        signPacket(packet, scheme, "player");
        assert.equal(findDigest(packet)?.scheme, scheme, `sum ${sum}`);
        assert.equal(findDigest(packet, "server"), undefined);
      }
  });

  test("of an answer depends on the challenge", () => {
    const answer = Buffer.alloc(PACKET, 3);
    signAnswer(answer, Buffer.alloc(32, 1));
    assert.ok(isSignedAnswer(answer, Buffer.alloc(32, 1)));
    assert.ok(!isSignedAnswer(answer, Buffer.alloc(32, 2)));
  });
});
