import { randomFillSync } from "node:crypto";
import { HoldfastError } from "../../domain/errors.ts";
import { findDigest, signAnswer, signPacket } from "./digest.ts";

/** What came of the bytes pushed. */
export interface HandshakeStep {
  /** To be sent now; may be empty. */
  readonly reply: Buffer;
  /** True once, with the last byte of the handshake. Nothing is pushed after that. */
  readonly done: boolean;
  /** When done: bytes that came after the handshake, for the chunk reader. */
  readonly rest: Buffer;
}

const VERSION = 3;
const PACKET_BYTES = 1_536;
const NOTHING = Buffer.alloc(0);
/** Versions of the encrypted forms (RTMPE): XTEA and Blowfish variants included. */
const ENCRYPTED = new Set([6, 8, 9]);
/** From here on versions are "not allowed, so that RTMP can be told from text protocols". [RTMP 1.0 §5.2.2] */
const TEXT = 32;
const TLS_HANDSHAKE = 22;
/** Version field of our S1. librtmp and FFmpeg look for a digest when its first byte is 3 or more. */
const SERVER_VERSION = [0x04, 0x05, 0x00, 0x01] as const;

/** Gathers the parts of a handshake, and never holds more than one of them. */
class Gatherer {
  #part: Buffer | undefined;
  #filled = 0;

  /** Take up to `bytes`. Returns what is left of `data` when the part is complete, else `undefined`. */
  fill(data: Buffer, bytes: number): { readonly part: Buffer; readonly rest: Buffer } | undefined {
    if (this.#part === undefined && data.length >= bytes)
      return { part: data.subarray(0, bytes), rest: data.subarray(bytes) };
    const part = (this.#part ??= Buffer.alloc(bytes));
    const used = data.copy(part, this.#filled, 0);
    this.#filled += used;
    if (this.#filled < bytes) return undefined;
    this.#part = undefined;
    this.#filled = 0;
    return { part, rest: data.subarray(used) };
  }
}

/**
 * The server's side: C0 C1 -> S0 S1 S2, then C2. [RTMP 1.0 §5.2]
 *
 * A client whose C1 carries a valid digest gets S1 and S2 signed the same way (Flash plays H.264 only then);
 * every other one gets the simple form, with S2 an echo of C1. C2 is not checked: many clients send nonsense.
 */
export class ServerHandshake {
  readonly #gather = new Gatherer();
  #stage: "version" | "C1" | "C2" = "version";

  /** @throws HoldfastError `PROTOCOL_VIOLATION` when this is RTMPE, TLS on the plain port, or not RTMP at all */
  push(data: Buffer): HandshakeStep {
    let rest = data;
    let reply: Buffer = NOTHING;
    if (this.#stage === "version") {
      if (rest.length === 0) return { reply, done: false, rest: NOTHING };
      checkClientVersion(rest[0] as number);
      rest = rest.subarray(1);
      this.#stage = "C1";
    }
    if (this.#stage === "C1") {
      const c1 = this.#gather.fill(rest, PACKET_BYTES);
      if (!c1) return { reply, done: false, rest: NOTHING };
      reply = answer(c1.part);
      rest = c1.rest;
      this.#stage = "C2";
    }
    const c2 = this.#gather.fill(rest, PACKET_BYTES);
    return { reply, done: c2 !== undefined, rest: c2?.rest ?? NOTHING };
  }
}

/** Versions below 32 that we do not know are answered with ours, which the client may take or leave. */
function checkClientVersion(version: number): void {
  if (ENCRYPTED.has(version)) throw refused("RTMPE is not supported", version);
  if (version === TLS_HANDSHAKE) throw refused("the client speaks TLS on the plain RTMP port", version);
  if (version >= TEXT) throw refused("the client does not speak RTMP", version);
}

function answer(c1: Buffer): Buffer {
  const out = Buffer.allocUnsafe(1 + 2 * PACKET_BYTES);
  out[0] = VERSION;
  const s1 = out.subarray(1, 1 + PACKET_BYTES);
  const s2 = out.subarray(1 + PACKET_BYTES);
  randomFillSync(s1, 8);
  s1.writeUInt32BE(uptime(), 0);
  // A version of 0 says "simple"; no need to look for a digest.
  const signed = c1.readUInt32BE(4) === 0 ? undefined : findDigest(c1);
  if (!signed) {
    s1.writeUInt32BE(0, 4);
    c1.copy(s2);
    return out;
  }
  s1.set(SERVER_VERSION, 4);
  signPacket(s1, signed.scheme, "server");
  randomFillSync(s2);
  signAnswer(s2, signed.digest);
  return out;
}

/** The client's side, in the simple form, which every server accepts. Takes a simple or a signed answer. */
export class ClientHandshake {
  readonly #gather = new Gatherer();
  #stage: "version" | "S1" | "S2" = "version";

  /** C0 and C1, to be sent first. */
  start(): Buffer {
    const out = Buffer.allocUnsafe(1 + PACKET_BYTES);
    out[0] = VERSION;
    out.writeUInt32BE(uptime(), 1);
    out.writeUInt32BE(0, 5);
    randomFillSync(out, 9);
    return out;
  }

  /**
   * The reply is C2, due with the last byte of S1. Commands may be sent right behind it.
   *
   * @throws HoldfastError `PROTOCOL_VIOLATION` when the server answers with another version
   */
  push(data: Buffer): HandshakeStep {
    let rest = data;
    let reply: Buffer = NOTHING;
    if (this.#stage === "version") {
      if (rest.length === 0) return { reply, done: false, rest: NOTHING };
      const version = rest[0] as number;
      if (version !== VERSION) throw refused("the server answers with another RTMP version", version);
      rest = rest.subarray(1);
      this.#stage = "S1";
    }
    if (this.#stage === "S1") {
      const s1 = this.#gather.fill(rest, PACKET_BYTES);
      if (!s1) return { reply, done: false, rest: NOTHING };
      reply = Buffer.from(s1.part);
      rest = s1.rest;
      this.#stage = "S2";
    }
    const s2 = this.#gather.fill(rest, PACKET_BYTES);
    return { reply, done: s2 !== undefined, rest: s2?.rest ?? NOTHING };
  }
}

/** ms since this process began, as a timestamp that nobody depends on. */
function uptime(): number {
  return Math.trunc(performance.now()) >>> 0;
}

function refused(detail: string, version: number): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail, version });
}
