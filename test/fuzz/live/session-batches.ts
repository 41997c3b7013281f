import fc from "fast-check";
import { HANDSHAKE } from "../../support/noise.ts";
import { mutate } from "../engine/mutate.ts";
import { Random } from "../engine/random.ts";
import { messagesOf } from "../seed-messages.ts";
import { clientSeeds, HANDSHAKE_BYTES } from "../seeds.ts";
import { changeMessages, interleave, partsOf } from "./mutate-session.ts";
import { anyLeaving, writeScripts, type ClientScript } from "./script.ts";

const rtmp = clientSeeds("rtmp-").map((bytes) => ({
  handshake: bytes.subarray(0, HANDSHAKE_BYTES),
  messages: messagesOf(bytes.subarray(HANDSHAKE_BYTES)),
}));
const http = [...clientSeeds("http-"), ...clientSeeds("ws-")];
const MOST_CLIENTS = 16;

/** What some clients do at the same time, each a real session that something was changed in. */
export const sessionBatch: fc.Arbitrary<Buffer> = fc.nat().map((seed) => {
  const random = new Random(seed);
  const clients: ClientScript[] = [];
  for (let count = 1 + random.below(MOST_CLIENTS); count > 0; count--)
    clients.push(random.oneIn(4) ? httpClient(random) : rtmpClient(random));
  return writeScripts(clients);
});

/** Every real session, as it was, a few at a time. */
export const seedBatches: readonly Buffer[] = [...rtmp.keys()].map((index) =>
  writeScripts([
    rtmpScript(index, (messages) => messages, new Random(index)),
    { port: "http", parts: [http[index % http.length] as Buffer], leaving: "fin" },
  ]),
);

function rtmpClient(random: Random): ClientScript {
  const script = rtmpScript(
    random.below(rtmp.length),
    (messages) => {
      const changed = changeMessages(messages, random);
      return random.oneIn(5) ? interleave(changed, random.pick(rtmp).messages, random) : changed;
    },
    random,
  );
  return random.oneIn(3)
    ? { ...script, parts: spoilt(script.parts, random), leaving: anyLeaving(random) }
    : script;
}

function rtmpScript(
  index: number,
  change: (messages: (typeof rtmp)[number]["messages"]) => (typeof rtmp)[number]["messages"],
  random: Random,
): ClientScript {
  const { handshake, messages } = rtmp[index] as (typeof rtmp)[number];
  // A handshake without noise is as good, and leaves the batch small.
  const [first = Buffer.alloc(0), ...rest] = partsOf(change(messages), random);
  const parts = [Buffer.concat([random.oneIn(4) ? handshake : HANDSHAKE, first]), ...rest];
  return { port: "rtmp", parts, leaving: anyLeaving(random) };
}

function httpClient(random: Random): ClientScript {
  const seed = random.pick(http);
  const body = seed.indexOf("\r\n\r\n") + 4;
  const parts = [seed.subarray(0, body), seed.subarray(body)].filter(({ length }) => length > 0);
  return {
    port: "http",
    parts: random.oneIn(4) ? parts : spoilt(parts, random),
    leaving: anyLeaving(random),
  };
}

/** Bytes changed anywhere, and cut anywhere. */
function spoilt(parts: readonly Buffer[], random: Random): Buffer[] {
  const at = random.below(parts.length);
  const words = [
    "\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\n",
    "HTTP/1.1",
    "POST ",
    "GET /live/cam.flv ",
  ];
  const sources = {
    other: parts[at] as Buffer,
    words: words.map((word) => Buffer.from(word)),
    mostBytes: 60_000,
  };
  const changed = parts.map((part, index) => (index === at ? mutate(part, random, sources) : part));
  return random.oneIn(4) ? changed.slice(0, at + 1) : changed;
}
