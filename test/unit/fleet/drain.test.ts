import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import type { DrainNotice } from "../../../src/fleet/gates.ts";
import { packet, type FakePlayer } from "../../support/fake-channels.ts";
import { codeOf, FakeWorld, peek, type FakeOrigin } from "../../support/fake-fleet.ts";
import { FakeNetwork } from "../../support/fake-network.ts";
import { away, fine, held, only, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = "live/cam";
const KEY = parseStreamKey(CAM);
/** settle 2 s, encoderGrace 5 s, deadline 30 s */
const RESET_AT = 7_000;

interface Net {
  readonly world: FakeWorld;
  readonly network: FakeNetwork;
  readonly a: FakeOrigin;
  readonly b: FakeOrigin;
  readonly c: FakeOrigin;
}

/** Three origins that can reach each other. */
async function net(settings = {}): Promise<Net> {
  const world = new FakeWorld();
  const network = new FakeNetwork();
  const start = async (name: string) => {
    const origin = await world.start({ name, settings, dialer: network.dialer });
    network.plug(origin);
    return origin;
  };
  return { world, network, a: await start("a"), b: await start("b"), c: await start("c") };
}

/** Join, while `feed` sends what a player can start with. */
async function join({ world }: Net, origin: FakeOrigin, feed: () => void): Promise<FakePlayer> {
  const watching = origin.watch(CAM);
  await world.clock.advance(5);
  feed();
  return watching;
}

const stateOf = async (origin: FakeOrigin, name: string) =>
  (await origin.registry.listOrigins()).find((one) => one.name === name)?.state;

const ownerOf = async (origin: FakeOrigin) => (await origin.registry.locate([KEY]))[0]?.owner.name;

test("the state is written at once, new publishes are refused, plays are not", async () => {
  const all = await net();
  const { world, a, b } = all;
  const live = await a.live(CAM);
  const there = await b.live("live/there");
  void a.fleet.drain.begin();
  await world.clock.advance(0);
  assert.equal(await stateOf(b, "a"), "draining");
  const refused = peek(a.publish("live/other"));
  const again = peek(a.publish(CAM));
  await world.clock.advance(0);
  for (const { error } of [refused, again]) {
    assert.equal(error?.code, "ORIGIN_DRAINING");
    assert.match(error?.message ?? "", /origin a is draining/);
  }
  assert.equal(live.revoked.aborted, false, "the present encoder must not suffer");
  assert.equal((await a.watch(CAM)).fate(), "playing");
  const relayed = a.watch("live/there");
  await world.clock.advance(5);
  there.source.write(packet("from b"));
  assert.equal((await relayed).fate(), "playing");
});

test("encoders are told once balancers have had their time, and reset after their grace", async () => {
  const all = await net();
  const { world, a, b } = all;
  const live = await a.live(CAM);
  await join(all, a, () => live.source.write(packet("x")));
  void a.fleet.drain.begin();
  await world.clock.advance(1_900);
  assert.equal(live.unwanted?.aborted, false);
  await world.clock.advance(200);
  assert.equal(live.unwanted?.aborted, true);
  const { from, next } = live.unwanted?.reason as DrainNotice;
  assert.equal(from, "a.example:1935");
  assert.deepEqual([next(), next(), next()].sort(), ["b.example:1935", "b.example:1935", "c.example:1935"]);
  await world.clock.advance(4_700);
  assert.equal(live.revoked.aborted, false);
  assert.equal(await ownerOf(b), "a");
  await world.clock.advance(400);
  assert.equal((live.revoked.reason as HoldfastError).code, "ORIGIN_DRAINING");
  assert.equal(await ownerOf(b), undefined, "the record is released with the reset");
  const events = await b.registry.recentEvents(1);
  assert.deepEqual([events[0]?.type, events[0]?.fields["reason"]], ["released", "drained"]);
});

test("players stay everywhere: elsewhere by their relays, here until the deadline", async () => {
  const all = await net();
  const { world, network, a, b, c } = all;
  const first = await a.live(CAM);
  const feed = () => first.source.write(packet("from a"));
  const players = [await join(all, a, feed), await join(all, b, feed), await join(all, c, feed)];
  const drained = peek(a.fleet.drain.begin());
  await world.clock.advance(RESET_AT + 300);
  assert.equal(first.revoked.aborted, true);
  assert.deepEqual(
    [a, b, c].map((origin) => origin.stateOf(CAM)),
    ["held", "held", "held"],
  );
  const second = await b.live(CAM, "from b");
  await world.clock.advance(600);
  second.source.write(packet("still b"));
  assert.deepEqual([...network.links].map(({ from, to }) => `${from}->${to}`).sort(), ["b->a", "b->c"]);
  for (const player of players) {
    assert.equal(player.fate(), "playing");
    assert.equal(player.received.at(-1), "still b");
  }
  const feedFor = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      second.source.write(packet("more"));
      await world.clock.advance(1_000);
    }
  };
  await feedFor(20);
  assert.equal(drained.pending, true);
  await feedFor(3);
  assert.equal(drained.value, "deadline");
  await a.fleet.stop();
  assert.deepEqual(
    players.map((player) => player.fate()),
    ["STOPPING", "playing", "playing"],
  );
  assert.equal(await stateOf(b, "a"), undefined);
});

test("the drain ends when nobody is left, but not before balancers have seen it", async () => {
  const all = await net();
  const { world, a } = all;
  const live = await a.live(CAM);
  const player = await join(all, a, () => live.source.write(packet("x")));
  const drained = peek(a.fleet.drain.begin());
  live.end("disconnected");
  player.leave();
  await world.clock.advance(1_900);
  assert.equal(drained.pending, true);
  await world.clock.advance(200);
  assert.equal(drained.value, "empty");
});

test("an encoder that moves by itself is not reset, and the wait for it ends", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  const player = await join(all, a, () => first.source.write(packet("x")));
  const drained = peek(a.fleet.drain.begin());
  await world.clock.advance(2_200);
  await b.live(CAM, "from b");
  await world.clock.advance(20);
  assert.equal((first.revoked.reason as HoldfastError).code, "STREAM_TAKEN_OVER");
  assert.equal(a.stateOf(CAM), "relayed");
  player.leave();
  await world.clock.advance(200);
  assert.equal(drained.value, "empty");
});

test("alone there is nobody to wait for", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const live = await origin.live(CAM);
  const player = await origin.watch(CAM);
  const drained = peek(origin.fleet.drain.begin());
  await world.clock.advance(0);
  await world.clock.advance(100);
  assert.equal(drained.value, "alone");
  assert.equal(live.revoked.aborted, false, "stopping resets it");
  await origin.fleet.stop();
  assert.equal((live.revoked.reason as HoldfastError).code, "STOPPING");
  assert.equal(player.fate(), "STOPPING");
});

test("all origins that drain at once end at once", async () => {
  const { world, a, b, c } = await net();
  for (const origin of [a, b, c]) await origin.live(`live/${origin.name}`);
  const ends = [a, b, c].map((origin) => peek(origin.fleet.drain.begin()));
  await world.clock.advance(1_200);
  assert.deepEqual(
    ends.map(({ value }) => value),
    ["alone", "alone", "alone"],
  );
});

test("while the registry is away encoders are kept, and the deadline holds", async () => {
  const all = await net();
  const { world, a } = all;
  const live = await a.live(CAM);
  a.registry.trouble = away;
  const drained = peek(a.fleet.drain.begin());
  await world.clock.advance(29_000);
  assert.equal(drained.pending, true);
  assert.equal(live.unwanted?.aborted, false);
  assert.equal(live.revoked.aborted, false);
  await world.clock.advance(1_200);
  assert.equal(drained.value, "deadline");
});

test("when the registry comes back the drain goes on", async () => {
  const all = await net();
  const { world, a, b } = all;
  const live = await a.live(CAM);
  a.registry.trouble = away;
  void a.fleet.drain.begin();
  await world.clock.advance(10_000);
  a.registry.trouble = fine;
  await world.clock.advance(2_000);
  assert.equal(await stateOf(b, "a"), "draining");
  assert.equal(live.unwanted?.aborted, true);
  await world.clock.advance(5_500);
  assert.equal(live.revoked.aborted, true);
  assert.equal(await ownerOf(b), undefined);
});

test("without encoders and players a silent registry delays nothing", async () => {
  const { world, a } = await net();
  a.registry.trouble = away;
  const drained = peek(a.fleet.drain.begin());
  await world.clock.advance(200);
  assert.equal(drained.value, "empty");
});

test("a publish whose claim is granted while the drain begins is refused, and its record released", async () => {
  const { world, a, b } = await net();
  const answers = slowAnswers();
  a.registry.trouble = only("claimStream", answers.trouble);
  const publish = peek(a.publish(CAM));
  await world.clock.advance(10);
  assert.equal(await ownerOf(b), "a");
  void a.fleet.drain.begin();
  await world.clock.advance(10);
  answers.release();
  await world.clock.advance(0);
  assert.equal(publish.error?.code, "ORIGIN_DRAINING");
  assert.equal(await ownerOf(b), undefined);
  assert.equal(a.stateOf(CAM), undefined);
});

test("a publish that is being claimed leaves the players on hold alone when it is refused", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  const player = await join(all, a, () => first.source.write(packet("x")));
  first.end("disconnected");
  await world.clock.advance(0);
  const claim = held();
  a.registry.trouble = only("claimStream", claim.trouble);
  const publish = peek(a.publish(CAM));
  await world.clock.advance(10);
  void a.fleet.drain.begin();
  claim.release();
  await world.clock.advance(10);
  assert.equal(publish.error?.code, "ORIGIN_DRAINING");
  assert.equal(a.stateOf(CAM), "held");
  await b.live(CAM, "from b");
  await world.clock.advance(300);
  assert.equal(a.stateOf(CAM), "relayed");
  assert.equal(player.fate(), "playing");
});

test("a publish under authorisation when the drain begins claims nothing that stays", async () => {
  const world = new FakeWorld();
  const go: (() => void)[] = [];
  const authorise = { publish: () => new Promise<void>((resolve) => go.push(resolve)) };
  const a = await world.start({ name: "a", authorise });
  await world.start({ name: "b" });
  const publish = peek(a.publish(CAM));
  await world.clock.advance(10);
  void a.fleet.drain.begin();
  for (const resolve of go) resolve();
  await world.clock.advance(0);
  assert.equal(publish.error?.code, "ORIGIN_DRAINING");
  assert.deepEqual(await a.registry.listStreams(), []);
});

test("a drain can be left: new streams are taken, nobody is reset", async () => {
  const { world, a, b } = await net();
  const live = await a.live(CAM);
  const drained = peek(a.fleet.drain.begin());
  const finished = peek(a.fleet.drain.finished);
  await world.clock.advance(3_000);
  assert.equal(live.unwanted?.aborted, true);
  assert.equal(a.fleet.drain.leave(), true);
  await world.clock.advance(0);
  assert.equal(drained.value, "left");
  assert.equal(await stateOf(b, "a"), "up");
  await a.live("live/other");
  await world.clock.advance(60_000);
  assert.equal(live.revoked.aborted, false);
  assert.equal(finished.pending, true);
  assert.equal(a.fleet.drain.leave(), false, "there is none");

  const second = await a.live("live/second");
  const again = peek(a.fleet.drain.begin());
  await world.clock.advance(2_200);
  assert.equal(second.unwanted?.aborted, true);
  await world.clock.advance(5_000);
  assert.equal(live.revoked.aborted, true);
  assert.equal(a.fleet.drain.leave(), false, "it is over: nobody was left");
  assert.equal(again.value, "empty");
  assert.equal(finished.value, "empty");
});

test("a drain before the end of a process cannot be left", async () => {
  const { world, a } = await net();
  await a.live(CAM);
  const first = peek(a.fleet.drain.begin());
  const second = peek(a.fleet.drain.begin({ final: true }));
  await world.clock.advance(1_000);
  assert.equal(a.fleet.drain.leave(), false);
  await world.clock.advance(8_000);
  assert.equal(first.value, "empty");
  assert.equal(second.value, "empty");
});

test("stopping ends a drain", async () => {
  const { world, a, b } = await net();
  const live = await a.live(CAM);
  const drained = peek(a.fleet.drain.begin());
  await world.clock.advance(1_000);
  await a.fleet.stop();
  await world.clock.advance(0);
  assert.equal(drained.value, "stopped");
  assert.equal((live.revoked.reason as HoldfastError).code, "STOPPING");
  assert.equal(await stateOf(b, "a"), undefined);
  await world.clock.advance(60_000);
});

test("a session that is lost in a drain is registered as draining", async () => {
  const { world, a, b } = await net();
  const live = await a.live(CAM);
  void a.fleet.drain.begin();
  await world.clock.advance(500);
  world.store.sessions.delete("a");
  await world.clock.advance(2_000);
  assert.equal(await stateOf(b, "a"), "draining");
  assert.equal(await ownerOf(b), "a", "the stream is claimed again: its encoder is still here");
  assert.equal(live.revoked.aborted, false);
});

test("duties are handed over, and waited for", async () => {
  const world = new FakeWorld();
  let left = 2;
  const asked: AbortSignal[] = [];
  const duty = { count: () => left, handOver: (over: AbortSignal) => void asked.push(over) };
  const a = await world.start({ name: "a", duties: [duty] });
  await world.start({ name: "b" });
  const drained = peek(a.fleet.drain.begin());
  assert.equal(asked.length, 1);
  await world.clock.advance(10_000);
  assert.equal(drained.pending, true);
  left = 0;
  await world.clock.advance(200);
  assert.equal(drained.value, "empty");
  assert.equal(asked[0]?.aborted, true);
});

test("an encoder that was refused is not counted, one that left neither", async () => {
  const world = new FakeWorld();
  const a = await world.start({ name: "a", settings: { publish: { onDuplicate: "reject" } } });
  await world.start({ name: "b" });
  const live = await a.live(CAM);
  assert.equal(await codeOf(a.publish(CAM)), "STREAM_NAME_TAKEN");
  live.end("unpublished");
  const drained = peek(a.fleet.drain.begin());
  await world.clock.advance(2_200);
  assert.equal(drained.value, "empty");
});
