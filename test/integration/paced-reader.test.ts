import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { NO_READ_AHEAD, PacedReader } from "../../src/media/paced-reader.ts";
import { ReadPace } from "../../src/media/read-pace.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait.ts";

const WAIT = { within: 20_000 };
const open: (Server | Socket)[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) {
    if ("destroy" in one) one.destroy();
    else await new Promise((resolve) => one.close(resolve));
  }
});

interface World {
  readonly clock: ManualClock;
  readonly pace: ReadPace;
  readonly peer: Socket;
  readonly socket: Socket;
  readonly reader: PacedReader;
  /** What came, read by read. */
  readonly reads: string[];
}

/** One source, read with so many others. */
async function setUp(others: number, options: object = NO_READ_AHEAD): Promise<World> {
  const clock = new ManualClock();
  const pace = new ReadPace(clock, 100);
  for (let count = 0; count < others; count++) pace.enter();
  const server = createServer(options);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1").setNoDelay();
  open.push(peer);
  const [socket] = (await once(server, "connection")) as [Socket];
  open.push(socket);
  const reads: string[] = [];
  const reader = new PacedReader(socket, (data) => reads.push(data.toString()));
  return { clock, pace, peer, socket, reader, reads };
}

/** A source that is in the middle of a window: "a" and "b" were read at once, then it was left alone. */
async function paused(options?: object): Promise<World> {
  const world = await setUp(300, options);
  const { clock, pace, peer, reader, reads } = world;
  reader.pace(pace);
  for (const text of ["a", "b"]) {
    await clock.advance(100);
    peer.write(text);
    await waitFor(() => reads.includes(text), WAIT);
  }
  return world;
}

/** The peer's bytes have arrived: what it wrote was taken, and Node has looked at its sockets many times. */
async function arrived(peer: Socket, text: string): Promise<void> {
  await new Promise((resolve) => peer.write(text, resolve));
  for (let round = 0; round < 50; round++) await new Promise((resolve) => setImmediate(resolve));
}

test("what comes in a window is read in one piece when it is over", async () => {
  const { clock, peer, reads } = await paused();
  await arrived(peer, "c");
  await arrived(peer, "d");
  await clock.advance(50);
  assert.deepEqual(reads, ["a", "b"]);
  await clock.advance(60);
  await waitFor(() => reads.length > 2, WAIT);
  assert.deepEqual(reads, ["a", "b", "cd"]);
});

test("window after window nothing is lost or turned round", async () => {
  const { clock, peer, reads } = await paused();
  let sent = "ab";
  for (let number = 0; number < 30; number++) {
    await arrived(peer, `${number},`);
    sent += `${number},`;
    if (number % 3 === 2) await clock.advance(110);
  }
  await clock.advance(110);
  await waitFor(() => reads.join("").length === sent.length, WAIT);
  assert.equal(reads.join(""), sent);
  assert.ok(reads.length < 2 + 15, `${reads.length} reads`);
});

test("a burst is read to its end without a window of its own", async () => {
  const { clock, peer, reads } = await paused();
  const burst = "x".repeat(3_000_000);
  peer.write(burst);
  const began = clock.monotonic();
  await waitFor(async () => {
    await clock.advance(1);
    return reads.join("").length === burst.length + 2;
  }, WAIT);
  const windows = (clock.monotonic() - began) / 100;
  assert.ok(reads.length > 10 * windows, `${reads.length} reads in ${windows} windows`);
});

test("a source that is not paced any more is read at once, with what has collected", async () => {
  const { peer, reader, reads } = await paused();
  await arrived(peer, "c");
  reader.unpace();
  await waitFor(() => reads.join("") === "abc", WAIT);
  peer.write("d");
  await waitFor(() => reads.join("") === "abcd", WAIT);
});

test("when others leave, a source is read at once from the end of its window on", async () => {
  const { clock, pace, peer, reads } = await paused();
  for (let left = 0; left < 300; left++) pace.leave();
  peer.write("c");
  await clock.advance(110);
  await waitFor(() => reads.join("") === "abc", WAIT);
  for (const text of ["d", "e", "f"]) {
    peer.write(text);
    await waitFor(() => reads.join("").endsWith(text), WAIT);
  }
});

test("a peer that leaves in a window is heard of at its end, behind what it sent", async () => {
  const { clock, peer, socket, reads } = await paused();
  const ended = once(socket, "end");
  peer.end("last");
  await clock.advance(110);
  await waitFor(() => reads.join("") === "ablast", WAIT);
  await clock.advance(110);
  await ended;
});

test("few sources are read as they send", async () => {
  const { pace, peer, reader, reads } = await setUp(10);
  reader.pace(pace);
  for (const text of ["a", "b", "c"]) {
    peer.write(text);
    await waitFor(() => reads.includes(text), WAIT);
  }
  assert.deepEqual(reads, ["a", "b", "c"]);
});

test("a socket that reads ahead is left alone", async () => {
  const { clock, pace, peer, reader, reads } = await setUp(300, {});
  const { window } = pace;
  reader.pace(pace);
  for (const text of ["a", "b", "c"]) {
    await clock.advance(1);
    peer.write(text);
    await waitFor(() => reads.includes(text), WAIT);
  }
  assert.equal(pace.window, window);
});

test("a socket that is gone does not count any more, however it went", async () => {
  const { pace, reader, socket } = await setUp(37);
  reader.pace(pace);
  reader.pace(pace);
  assert.equal(pace.window, 10);
  socket.destroy();
  await waitFor(() => pace.window === 0, WAIT);
  reader.unpace();
  reader.pace(pace);
  assert.equal(pace.window, 0);
});
