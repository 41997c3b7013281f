import { readUserControl } from "../../src/media/rtmp/control.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import type { LogLine, TestRtmp } from "./start-rtmp.ts";
import { waitFor } from "./wait.ts";
import { WireClient } from "./wire-client.ts";

/** A client that has connected to an app. */
export async function connected(rtmp: TestRtmp, app = "live"): Promise<WireClient> {
  const client = await WireClient.open(rtmp.address);
  await client.connectTo(app, { type: "nonprivate" });
  return client;
}

/** Waits until the server has handled everything that was sent before. */
export async function settled(client: WireClient): Promise<void> {
  await client.call("settled?");
}

/** A message of the stream, as encoders send it. */
export function media(type: number, payload: Buffer, timestamp = 0): RtmpMessage {
  return { type, streamId: 1, chunkStreamId: type === MESSAGE.audio ? 4 : 6, timestamp, payload };
}

export const audio = (text: string): RtmpMessage => media(MESSAGE.audio, Buffer.from(text));

/** Wait for a "session ended" line with this code. */
export function endWith(rtmp: TestRtmp, code: string): Promise<LogLine> {
  return waitFor(() => rtmp.ends().findLast((line) => line["code"] === code), {
    what: `an end with ${code}`,
  });
}

/** Promise.withResolvers, which Node 20 lacks. */
export function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

/** The times of the pings that arrived. */
export function pingsOf(client: WireClient): number[] {
  return client.arrivals
    .map(({ message }) => (message.type === MESSAGE.userControl ? readUserControl(message) : undefined))
    .flatMap((event) => (event?.event === "pingRequest" ? event.time : []));
}

/** Answer pings as every real client does, until the returned function is called. */
export function answerPings(client: WireClient): () => void {
  let answered = 0;
  const timer = setInterval(() => {
    const pings = pingsOf(client);
    for (const time of pings.slice(answered)) client.send(userControl(PING_RESPONSE, time));
    answered = pings.length;
  }, 20);
  return () => clearInterval(timer);
}

/** A user control message with one number. */
export function userControl(event: number, value: number): RtmpMessage {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(event, 0);
  payload.writeUInt32BE(value, 2);
  return { type: MESSAGE.userControl, streamId: 0, chunkStreamId: 2, timestamp: 0, payload };
}

export const PING_REQUEST = 6;
export const PING_RESPONSE = 7;
