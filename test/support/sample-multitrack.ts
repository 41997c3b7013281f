/** One track of a multitrack message. */
export interface SampleTrack {
  readonly id: number;
  readonly codec: string;
  readonly body: Buffer;
}

/**
 * A multitrack message: OneTrack for one, ManyTracks for one codec, else ManyTracksManyCodecs.
 *
 * [E-RTMP v2, ExVideoTagHeader]
 */
export function multitrackHead(first: number, packetType: number, tracks: readonly SampleTrack[]): Buffer {
  const codecs = new Set(tracks.map(({ codec }) => codec));
  const kind = tracks.length === 1 ? 0 : codecs.size === 1 ? 1 : 2;
  const parts: Buffer[] = [Buffer.from([first, (kind << 4) | packetType])];
  if (kind < 2) parts.push(Buffer.from(tracks[0]?.codec ?? "", "latin1"));
  for (const { id, codec, body } of tracks) {
    if (kind === 2) parts.push(Buffer.from(codec, "latin1"));
    parts.push(Buffer.from([id]));
    if (kind > 0) {
      const size = Buffer.alloc(3);
      size.writeUIntBE(body.length, 0, 3);
      parts.push(size);
    }
    parts.push(body);
  }
  return Buffer.concat(parts);
}

/** Put a ModEx in front of an enhanced payload. [E-RTMP v2, ModEx] */
export function modEx(payload: Buffer, type: number, data: Buffer): Buffer {
  const first = payload[0] as number;
  const size =
    data.length < 256
      ? Buffer.from([data.length - 1])
      : Buffer.from([255, (data.length - 1) >> 8, (data.length - 1) & 255]);
  const inner = first & 15;
  return Buffer.concat([
    Buffer.from([(first & 0xf0) | 7]),
    size,
    data,
    Buffer.from([(type << 4) | inner]),
    payload.subarray(1),
  ]);
}
