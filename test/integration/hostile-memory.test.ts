import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { flvHeader } from "../support/flv-file.ts";
import { speak } from "../support/hostile-requests.ts";
import { HostileStage } from "../support/hostile-stage.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { media, settled } from "../support/wire-session.ts";

const PATIENCE = { within: 25_000 };
const MB = 1 << 20;
/** Sockets, log lines and what the clients of this very process hold. */
const SLACK = 6 * MB;
const LIMITS = {
  halfReceived: "4MB",
  halfReceivedTotal: "16MB",
  halfReceivedBeforePublish: "1MB",
  commandTimeout: "2s",
};

let stage: HostileStage;
let idle = 0;
before(async () => {
  setFlagsFromString("--expose-gc");
  stage = await HostileStage.open({ limits: LIMITS, gop: { maxBytes: "4MB", maxTotal: "8MB" } });
});
beforeEach(async () => {
  idle = await held();
});
after(() => stage.close());

/** Bytes of buffers that something still holds. */
async function held(): Promise<number> {
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().arrayBuffers;
}

async function grewByAtMost(bytes: number): Promise<void> {
  const grown = (await held()) - idle;
  assert.ok(grown <= bytes + SLACK, `${grown} bytes, ${bytes} allowed`);
}

/** What was taken is given back. */
const givenBack = () =>
  waitFor(async () => (await held()) - idle <= SLACK, { ...PATIENCE, what: "the memory given back" });

/** The beginning of a message of 16 MB, and so many bytes of it. Chunks of 4,096 bytes are agreed on. */
function beginning(bytes: number): Buffer {
  const parts = [Buffer.from("06000000ffffff0901000000", "hex")];
  for (let at = 0; at < bytes; at += 4_096)
    parts.push(...(at > 0 ? [Buffer.from([0xc6])] : []), Buffer.alloc(4_096, 0x17));
  return Buffer.concat(parts);
}

const isOver = (client: WireClient) => client.ended !== undefined;

async function publishers(count: number): Promise<WireClient[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => stage.publishing(`memory-${at}`)));
}

test("messages announced with 16 MB, of which little was sent, cost little", async () => {
  const clients = await publishers(60);
  const little = beginning(1).subarray(0, 12 + 128);
  for (const client of clients) client.sendBytes(little);
  await stage.undisturbed();
  assert.ok(!clients.some(isOver));
  await grewByAtMost(60 * 16_384);
  await stage.leave(...clients);
  await givenBack();
});

test("half-sent messages of one connection, and of all together, stay within their limits", async () => {
  const clients = await publishers(12);
  // One connection: 5 of 4 MB.
  const [greedy, ...others] = clients as [WireClient, ...WireClient[]];
  greedy.sendBytes(beginning(5 * MB));
  await greedy.end(PATIENCE.within);
  // All together: 11 times 2 MB where there is room for 16.
  const part = beginning(1.9 * MB);
  for (const client of others) client.sendBytes(part);
  await waitFor(() => others.filter(isOver).length >= 3, {
    ...PATIENCE,
    what: "the end of those that asked for too much",
  });
  await grewByAtMost(16 * MB);
  assert.ok(others.filter(isOver).length <= 4, "those that fit in go on");
  const posted = speak(
    stage.origin.addresses.http,
    Buffer.concat([
      Buffer.from("POST /live/posted.flv HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
      flvHeader(),
      Buffer.from("09ffffff00000000000000", "hex"),
      Buffer.alloc(2 * MB),
    ]),
  );
  await waitFor(() => posted.answer().startsWith("HTTP/1.1 413 "), {
    ...PATIENCE,
    what: "the refusal of a POST from the same budget",
  });
  posted.socket.destroy();
  const lines = stage.ends().filter(({ code }) => code === "LIMIT_EXCEEDED");
  assert.ok(lines.some(({ reason }) => String(reason).includes("together")));
  await stage.undisturbed();

  await stage.leave(...others.filter((client) => !isOver(client)));
  await givenBack();
  const next = await stage.publishing("after-the-flood");
  next.send(media(MESSAGE.video, Buffer.alloc(3 * MB, 0x17)));
  await settled(next);
  assert.equal(next.ended, undefined);
  await stage.leave(next);
});

test("strangers take no more than their part, and leave publishers theirs", async () => {
  const strangers = await Promise.all(Array.from({ length: 12 }, () => stage.connected()));
  for (const client of strangers)
    for (let id = 10; id < 15; id++)
      client.sendBytes(
        Buffer.concat(
          client
            .chunksOf({ ...media(MESSAGE.command, Buffer.alloc(60_000)), chunkStreamId: id })
            .slice(0, -1),
        ),
      );
  await waitFor(() => strangers.some(isOver), { ...PATIENCE, what: "the end of a stranger" });
  await grewByAtMost(MB);
  const publisher = await stage.publishing("beside-strangers");
  publisher.send(media(MESSAGE.video, Buffer.alloc(3 * MB, 0x17)));
  await settled(publisher);
  await stage.leave(publisher);
  for (const client of strangers) client.close();
  await givenBack();
});

test("a group without end is kept within gop.maxBytes, and who joins waits for the next keyframe", async () => {
  const client = await stage.publishing("endless");
  client.send(media(MESSAGE.video, videoHeader()));
  client.send(media(MESSAGE.video, videoFrame({ key: true })));
  for (let number = 1; number <= 200; number++) {
    client.send(media(MESSAGE.video, videoFrame({ number, bytes: 100_000 }), number * 40));
    if (number % 20 === 0) await settled(client);
  }
  await grewByAtMost(4 * MB);
  const player = await stage.playing("endless");
  const picture = videoFrame({ key: true, number: 999 });
  client.send(media(MESSAGE.video, picture, 9_000));
  await waitFor(() => player.arrivals.some(({ message }) => message.payload.equals(picture)), PATIENCE);
  const frames = player.arrivals.filter(
    ({ message }) => message.type === MESSAGE.video && message.payload[1] === 1,
  );
  assert.equal(frames.length, 1);
  await stage.leave(client, player);
  await givenBack();
});

test("many groups are kept within gop.maxTotal, and a small one is not the one that goes", async () => {
  const small = await stage.publishing("small");
  small.send(media(MESSAGE.video, videoHeader()));
  const key = videoFrame({ key: true, number: 1 });
  small.send(media(MESSAGE.video, key));
  const greedy = await Promise.all(Array.from({ length: 6 }, (_, n) => stage.publishing(`greedy${n}`)));
  for (const client of greedy) client.send(media(MESSAGE.video, videoHeader()));
  for (const [start, client] of greedy.entries())
    for (let number = 0; number < 30; number++) {
      const frame = videoFrame({ key: number === 0, number: 100 * start + number, bytes: 100_000 });
      client.send(media(MESSAGE.video, frame, number * 40));
    }
  for (const client of greedy) await settled(client);
  await grewByAtMost(8 * MB);
  const player = await stage.playing("small");
  await waitFor(() => player.arrivals.some(({ message }) => message.payload.equals(key)), PATIENCE);
  await stage.leave(small, player, ...greedy);
  await givenBack();
});

test("connections that do nothing are closed, and their memory comes back", async () => {
  const before = stage.ends().length;
  const clients = await Promise.all(Array.from({ length: 300 }, () => stage.connected()));
  await waitFor(() => clients.every(isOver), { ...PATIENCE, what: "the end of all idle clients" });
  await waitFor(() => stage.ends().length === before + clients.length, { ...PATIENCE, what: "their lines" });
  assert.deepEqual(
    [
      ...new Set(
        stage
          .ends()
          .slice(before)
          .map(({ code }) => code),
      ),
    ],
    ["TIMED_OUT"],
  );
  await givenBack();
  await stage.undisturbed();
});
