const SHORT_STRING = 0x02;
/** Of this connection only: they say nothing of the stream. */
const NOT_FOR_PLAYERS = new Set(["|RtmpSampleAccess", "@clearDataFrame", "onStatus"]);

/**
 * A publisher's data message, in AMF0, as players get it: `@setDataFrame` is taken off, since it is an order to the server.
 *
 * `undefined` when players are to get nothing: it is not for them, or it does not begin with a name.
 */
export function playerData(payload: Buffer): Buffer | undefined {
  const first = leadingString(payload);
  if (!first || NOT_FOR_PLAYERS.has(first.text)) return undefined;
  if (first.text !== "@setDataFrame") return payload;
  const rest = payload.subarray(first.bytes);
  return leadingString(rest) ? rest : undefined;
}

function leadingString(payload: Buffer): { readonly text: string; readonly bytes: number } | undefined {
  if (payload.length < 3 || payload[0] !== SHORT_STRING) return undefined;
  const bytes = 3 + payload.readUInt16BE(1);
  return bytes <= payload.length ? { text: payload.toString("utf8", 3, bytes), bytes } : undefined;
}
