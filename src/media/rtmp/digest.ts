import { createHmac, timingSafeEqual } from "node:crypto";

// The digest handshake is not in the specification. Sources: librtmp handshake.h, FFmpeg rtmpproto.c,
// nginx-rtmp ngx_rtmp_handshake.c, SRS srs_protocol_rtmp_handshake.cpp, which agree.

/** The end that both keys share. */
const SHARED_KEY = Buffer.from("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae", "hex");
const PLAYER_NAME = Buffer.from("Genuine Adobe Flash Player 001");
const SERVER_NAME = Buffer.from("Genuine Adobe Flash Media Server 001");
const SERVER_KEY = Buffer.concat([SERVER_NAME, SHARED_KEY]);

export const DIGEST_BYTES = 32;

/** Where the digest lies: in the block at byte 8, or in the one at byte 772. SRS calls them schema 1 and 0. */
export type DigestScheme = "first" | "second";

/** Where each scheme keeps the four bytes whose sum says where the digest is. */
const OFFSET_AT = { first: 8, second: 772 } as const;
/** A block has 764 bytes: four for the offset, and the digest must fit into the rest. */
const OFFSETS = 764 - 4 - DIGEST_BYTES;

/** The scheme and digest of a C1 (or S1) signed with the player's key; `undefined` for a simple handshake. */
export function findDigest(
  packet: Buffer,
  signer: "player" | "server" = "player",
): { readonly scheme: DigestScheme; readonly digest: Buffer } | undefined {
  for (const scheme of ["second", "first"] as const) {
    const at = digestAt(packet, scheme);
    const digest = packet.subarray(at, at + DIGEST_BYTES);
    if (timingSafeEqual(digest, digestOf(packet, at, signer))) return { scheme, digest: Buffer.from(digest) };
  }
  return undefined;
}

/** Sign a C1 or S1 in place. */
export function signPacket(packet: Buffer, scheme: DigestScheme, signer: "player" | "server"): void {
  const at = digestAt(packet, scheme);
  digestOf(packet, at, signer).copy(packet, at);
}

/** Sign an S2 in place: its last 32 bytes prove that the C1 digest was read. */
export function signAnswer(packet: Buffer, challenge: Buffer): void {
  const at = packet.length - DIGEST_BYTES;
  hmac(hmac(SERVER_KEY, challenge), packet.subarray(0, at)).copy(packet, at);
}

function digestAt(packet: Buffer, scheme: DigestScheme): number {
  const at = OFFSET_AT[scheme];
  let sum = 0;
  for (let index = at; index < at + 4; index++) sum += packet[index] as number;
  return at + 4 + (sum % OFFSETS);
}

/** The digest of everything but itself. */
function digestOf(packet: Buffer, at: number, signer: "player" | "server"): Buffer {
  const key = signer === "player" ? PLAYER_NAME : SERVER_NAME;
  return hmac(key, packet.subarray(0, at), packet.subarray(at + DIGEST_BYTES));
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
