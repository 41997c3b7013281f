import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStreamKey } from "../../../../src/domain/stream-key.ts";
import type { FakePlayer } from "../../../support/fake-channels.ts";
import { codeOf, FakeWorld, peek, type FakeOrigin } from "../../../support/fake-fleet.ts";
import { ingestOf, ownIngested, planNowhere } from "../../../support/ingest-owner.ts";
import { away, fine } from "../../../support/shaky-registry.ts";

const CAM = "live/cam";
const KEY = parseStreamKey(CAM);

/** Two origins, and an enabled ingest that nobody pulls. */
async function gap(settings = {}) {
  const world = new FakeWorld();
  planNowhere(world.store, CAM);
  const owner = await world.start({ name: "owner" });
  const asked = await world.start({ name: "asked", settings });
  await owner.registry.ingests.put(ingestOf(CAM), "test");
  return { world, owner, asked };
}

function comeUp({ store }: FakeWorld, { registry, fleet }: FakeOrigin, stream = CAM): Promise<number> {
  const session = fleet.session.ref;
  assert.ok(session);
  return ownIngested(registry, session, stream, (name, value) => store.leases.set(name, value, 60_000));
}

async function held(world: FakeWorld, asked: FakeOrigin): Promise<FakePlayer> {
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(5_000);
  assert.ok(watched.value, "told to start");
  return watched.value;
}

test("a play of an ingest that nobody pulls yet waits, and is relayed when its owner comes", async () => {
  const { world, owner, asked } = await gap();
  const played = peek(asked.play(CAM));
  await world.clock.advance(2_000);
  assert.equal(played.pending, true);
  assert.equal(asked.stateOf(CAM), undefined, "nothing is held yet");
  await comeUp(world, owner);
  await world.clock.advance(300);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.equal(played.value?.kind, "serve");
  assert.equal(asked.stateOf(CAM), "relayed");
});

test("HTTP-FLV that waits is redirected when the owner comes", async () => {
  const { world, owner, asked } = await gap();
  const played = peek(asked.play(CAM, { client: asked.client({ protocol: "http-flv" }) }));
  await world.clock.advance(1_000);
  await comeUp(world, owner);
  await world.clock.advance(300);
  assert.deepEqual(played.value, { kind: "redirect", address: "owner.example:8080", owner: "owner" });
});

test("after five seconds the player is told to start, and held; the stream comes to it", async () => {
  const { world, owner, asked } = await gap();
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(4_999);
  assert.equal(watched.pending, true);
  await world.clock.advance(1);
  assert.ok(watched.value);
  assert.equal(asked.stateOf(CAM), "held");
  await world.clock.advance(4_000);
  await comeUp(world, owner);
  await world.clock.advance(300);
  assert.equal(asked.stateOf(CAM), "relayed");
  asked.dialer.last.accept().send("picture");
  assert.deepEqual(watched.value.received, ["picture"]);
});

test("a held player is let go in order, continuity.hold after it came", async () => {
  const { world, asked } = await gap();
  const player = await held(world, asked);
  await world.clock.advance(9_999);
  assert.equal(player.fate(), "playing");
  await world.clock.advance(1);
  assert.equal(player.fate(), "STREAM_ENDED");
  assert.equal(asked.stateOf(CAM), undefined);
});

test("a stream that is fed at this very origin reaches its held players", async () => {
  const { world, asked } = await gap();
  const player = await held(world, asked);
  await asked.registry.ingests.setEnabled(KEY, false, "test");
  await asked.live(CAM, "from here");
  assert.deepEqual(player.received, ["from here"]);
});

test("who comes while others are held is held with them, at once", async () => {
  const { world, asked } = await gap();
  const first = await held(world, asked);
  const second = await asked.watch(CAM);
  await world.clock.advance(10_000);
  assert.deepEqual([first.fate(), second.fate()], ["STREAM_ENDED", "STREAM_ENDED"]);
});

test("what no enabled ingest feeds is refused at once, and leaves nothing behind", async () => {
  const { world, asked } = await gap();
  const { ingests } = asked.registry;
  await ingests.put(ingestOf("live/paused"), "test");
  await ingests.setEnabled(parseStreamKey("live/paused"), false, "test");
  await ingests.put(ingestOf("live/removed"), "test");
  await ingests.remove(parseStreamKey("live/removed"), "test");
  world.store.reserved.add(parseStreamKey("live/reserved"));
  const strangers = Array.from({ length: 200 }, (_, i) => `live/unknown${i}`);
  const names = ["live/paused", "live/removed", "live/reserved", ...strangers];
  const refusals = names.map((name) => codeOf(asked.play(name)));
  await world.clock.advance(0);
  assert.deepEqual(new Set(await Promise.all(refusals)), new Set(["STREAM_NOT_FOUND"]));
  assert.deepEqual(asked.channels.all(), []);
});

test("where the hold is shorter than the wait there is nothing left to offer", async () => {
  const { world, asked } = await gap({ continuity: { hold: "2s" } });
  const played = peek(asked.play(CAM));
  await world.clock.advance(5_000);
  assert.equal(played.error?.code, "STREAM_NOT_FOUND");
  assert.match(played.error?.message ?? "", /source of live\/cam is not there/);
  assert.deepEqual(asked.channels.all(), []);
});

test("a player that leaves the wait starts nothing; one that leaves the hold ends it", async () => {
  const { world, asked } = await gap();
  const left = new AbortController();
  const played = peek(asked.play(CAM, { left: left.signal }));
  await world.clock.advance(1_000);
  left.abort();
  await world.clock.advance(0);
  assert.equal(played.error?.code, "CLIENT_LEFT");
  await world.clock.advance(10_000);
  assert.deepEqual(asked.channels.all(), []);
  const player = await held(world, asked);
  player.leave();
  assert.equal(asked.stateOf(CAM), undefined);
  assert.deepEqual(asked.channels.all(), []);
});

test("a player that is told to start and never comes frees the channel", async () => {
  const { world, asked } = await gap();
  const played = peek(asked.play(CAM));
  await world.clock.advance(5_000);
  assert.equal(played.value?.kind, "serve");
  assert.equal(asked.stateOf(CAM), "held");
  await world.clock.advance(250);
  assert.equal(asked.stateOf(CAM), undefined);
});

test("a relay that begins before its held player has come ends with its idle time", async () => {
  const { world, owner, asked } = await gap();
  void asked.play(CAM);
  await world.clock.advance(4_900);
  await comeUp(world, owner);
  await world.clock.advance(100 + 250);
  assert.equal(asked.stateOf(CAM), "relayed");
  await world.clock.advance(10_000 + 500);
  assert.equal(asked.stateOf(CAM), undefined);
  assert.equal(asked.dialer.running.length, 0);
});

test("only so many plays wait for ingests", async () => {
  const { world, asked } = await gap({ limits: { streamsWaiting: 2 } });
  const plays = [1, 2, 3].map(() => peek(asked.play(CAM)));
  await world.clock.advance(10);
  assert.deepEqual(
    plays.map(({ error }) => error?.code),
    [undefined, undefined, "ORIGIN_FULL"],
  );
});

test("play.startTimeout shortens the wait, and does not lengthen it", async () => {
  for (const [startTimeout, ms] of [
    ["1s", 1_000],
    ["30s", 5_000],
  ] as const) {
    const { world, asked } = await gap({ play: { startTimeout } });
    const played = peek(asked.play(CAM));
    await world.clock.advance(ms - 1);
    assert.equal(played.pending, true);
    await world.clock.advance(1);
    assert.equal(played.value?.kind, "serve");
  }
});

test("an owner that comes late and brings nothing delays the start no further", async () => {
  const { world, owner, asked } = await gap();
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(4_000);
  await comeUp(world, owner);
  await world.clock.advance(999);
  assert.equal(watched.pending, true);
  await world.clock.advance(1);
  assert.ok(watched.value, "told to start, five seconds after it came");
  asked.dialer.last.accept().send("picture");
  assert.deepEqual(watched.value.received, ["picture"]);
});

test("a play that meets the record of an owner that has just died is told to start, and goes on with the next", async () => {
  const { world, owner, asked } = await gap();
  const heir = await world.start({ name: "heir" });
  await comeUp(world, owner);
  owner.registry.trouble = away;
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(0);
  for (let waited = 0; waited < 5_000; waited += 100) {
    for (const pull of asked.dialer.running) pull.fail("RELAY_FAILED");
    await world.clock.advance(100);
  }
  assert.ok(watched.value, "told to start");
  for (let waited = 0; asked.stateOf(CAM) !== "held" && waited < 5_000; waited += 100) {
    for (const pull of asked.dialer.running) pull.fail("RELAY_FAILED");
    await world.clock.advance(100);
  }
  assert.equal(asked.stateOf(CAM), "held", "the session of the dead owner is over");
  await comeUp(world, heir);
  await world.clock.advance(300);
  assert.equal(asked.dialer.last.target.address, "heir.internal:1935");
  asked.dialer.last.accept().send("picture");
  assert.deepEqual(watched.value.received, ["picture"]);
});

test("an owner that never brings anything holds its players no longer than a hold", async () => {
  const { world, owner, asked } = await gap();
  await comeUp(world, owner);
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(0);
  for (let waited = 0; waited < 16_000; waited += 100) {
    for (const pull of asked.dialer.running) pull.fail("RELAY_FAILED");
    await world.clock.advance(100);
  }
  assert.equal(watched.value?.fate(), "STREAM_ENDED");
  assert.equal(asked.stateOf(CAM), undefined);
});

test("while the registry is away a play that waits is held all the same", async () => {
  const { world, owner, asked } = await gap();
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(1_000);
  asked.registry.trouble = away;
  await world.clock.advance(4_000);
  assert.ok(watched.value);
  asked.registry.trouble = fine;
  await comeUp(world, owner);
  await world.clock.advance(300);
  asked.dialer.last.accept().send("picture");
  assert.deepEqual(watched.value.received, ["picture"]);
});

test("players stay when the ingest moves, however long nobody owns it within the hold", async () => {
  const { world, owner, asked } = await gap();
  const heir = await world.start({ name: "heir" });
  await comeUp(world, owner);
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(10);
  asked.dialer.last.accept().send("keyframe");
  await world.clock.advance(0);
  asked.dialer.last.send("one");
  const session = owner.fleet.session.ref;
  assert.ok(session);
  const [location] = await owner.registry.locate([KEY]);
  await owner.registry.releaseStreams(session, [{ key: KEY, token: location?.record.token ?? 0 }], "moved");
  asked.dialer.last.fail("NOT_OWNER");
  await world.clock.advance(12_000);
  assert.equal(asked.stateOf(CAM), "held");
  await comeUp(world, heir);
  await world.clock.advance(300);
  asked.dialer.last.accept().send("two");
  assert.deepEqual(watched.value?.received, ["one", "two"]);
});

test("an encoder may not publish what an enabled ingest feeds, owned or not", async () => {
  const { world, owner, asked } = await gap();
  const refused = async () => {
    const error = await asked.publish(CAM).catch((thrown: Error) => thrown);
    assert.ok(error instanceof Error);
    return error.message;
  };
  assert.match(await refused(), /live\/cam is fed by an ingest/);
  await comeUp(world, owner);
  assert.match(await refused(), /live\/cam is fed by an ingest/);
  await asked.registry.ingests.setEnabled(KEY, false, "test");
  assert.equal((await asked.publish(CAM)).key, KEY);
});
