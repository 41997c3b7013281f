import assert from "node:assert/strict";
import { test } from "node:test";
import { packet, type FakePlayer } from "../../support/fake-channels.ts";
import { FakeWorld, peek, type FakeOrigin } from "../../support/fake-fleet.ts";
import type { FakePull } from "../../support/fake-relay-dialer.ts";
import { away, fine, only, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = "live/cam";

interface Scene {
  readonly world: FakeWorld;
  readonly owner: FakeOrigin;
  readonly asked: FakeOrigin;
}

async function scene(settings = {}): Promise<Scene> {
  const world = new FakeWorld();
  const owner = await world.start({ name: "owner" });
  return { world, owner, asked: await world.start({ name: "asked", settings }) };
}

/** A relay with a player on it, and its pull. */
async function relayed(settings = {}): Promise<Scene & { player: FakePlayer; pull: FakePull }> {
  const all = await scene(settings);
  await all.owner.live(CAM);
  const { player, pull } = await join(all);
  return { ...all, player, pull };
}

async function join({ world, asked }: Scene): Promise<{ player: FakePlayer; pull: FakePull }> {
  const watching = asked.watch(CAM);
  await world.clock.advance(1);
  const pull = asked.dialer.last;
  if (!pull.over && !asked.channels.all()[0]?.ready) pull.accept().send("picture");
  return { player: await watching, pull };
}

/** Keep a pull from stalling for a while. */
async function flow({ world }: Scene, pull: FakePull, seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 2; i++) {
    pull.send("media");
    await world.clock.advance(500);
  }
}

test("a relay stops ten seconds after its last player, and not before", async () => {
  const { world, asked, player, pull, ...rest } = await relayed();
  const all = { world, asked, ...rest };
  player.leave();
  await flow(all, pull, 9);
  const { player: second } = await join(all);
  await flow(all, pull, 5);
  second.leave();
  await flow(all, pull, 9);
  assert.equal(pull.over, false);
  await flow(all, pull, 2);
  assert.equal(pull.over, true);
  assert.equal(asked.stateOf(CAM), undefined);
  assert.equal(asked.dialer.pulls.length, 1);
});

test("a relay whose player was answered and never came stops, too", async () => {
  const { world, owner, asked } = await scene({ relay: { idleStop: "0s" } });
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(1);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(200);
  assert.equal(played.value?.kind, "serve");
  assert.equal(asked.stateOf(CAM), "relayed");
  await world.clock.advance(100);
  assert.equal(asked.stateOf(CAM), undefined);
  assert.equal(asked.dialer.last.over, true);
});

test("the records of all relays are reread in one round trip a second", async () => {
  const all = await scene();
  const { world, owner, asked } = all;
  for (const stream of ["live/1", "live/2", "live/3"]) {
    await owner.live(stream);
    const watching = asked.watch(stream);
    await world.clock.advance(1);
    asked.dialer.last.accept().send("picture");
    await watching;
  }
  asked.registry.calls.length = 0;
  for (let i = 0; i < 10; i++) {
    for (const pull of asked.dialer.pulls) pull.send("media");
    await world.clock.advance(500);
  }
  const asks = asked.registry.calls.filter((call) => call === "lookUp").length;
  assert.ok(asks >= 4 && asks <= 6, `${asks}`);
});

test("a relay follows its stream to a new owner within a second, and its players stay", async () => {
  const { world, asked, player, pull, ...rest } = await relayed();
  const other = await world.start({ name: "other" });
  await flow({ world, asked, ...rest }, pull, 1);
  await other.live(CAM);
  await flow({ world, asked, ...rest }, pull, 1.5);
  assert.equal(pull.over, true);
  assert.equal(asked.dialer.last.target.address, "other.internal:1935");
  asked.dialer.last.accept().send("new picture");
  assert.equal(player.received.at(-1), "new picture");
  assert.equal(player.fate(), "playing");
});

test("a relay goes on while its owner registers anew", async () => {
  const { world, owner, asked, player, pull } = await relayed();
  world.store.sessions.delete("owner");
  await flow({ world, owner, asked }, pull, 5);
  assert.equal(asked.dialer.pulls.length, 1);
  assert.equal(player.fate(), "playing");
});

test("a pull that breaks is dialled again, after a pause that grows", async () => {
  const { world, owner, asked, player, pull } = await relayed();
  pull.fail("RELAY_FAILED");
  const at: number[] = [];
  for (let i = 0; i < 60; i++) {
    await world.clock.advance(25);
    if (asked.dialer.running.length > 0) {
      at.push(world.clock.monotonic());
      asked.dialer.last.fail("RELAY_FAILED");
    }
  }
  const pauses = at.slice(1).map((time, i) => time - (at[i] ?? 0));
  assert.ok(at.length >= 3 && at.length <= 6, `${at}`);
  assert.deepEqual(
    [...pauses].sort((a, b) => a - b),
    pauses,
  );
  await world.clock.advance(2_000);
  asked.dialer.last.accept().send("back");
  assert.equal(player.received.at(-1), "back");
  assert.equal(owner.stateOf(CAM), "published");
});

test("players wait no longer than continuity.hold for an owner that cannot be reached", async () => {
  const { world, asked, player, pull } = await relayed();
  pull.fail("RELAY_FAILED");
  for (let i = 0; i < 29; i++) {
    await world.clock.advance(500);
    for (const running of asked.dialer.running) running.fail("RELAY_FAILED");
  }
  assert.equal(player.fate(), "playing");
  await world.clock.advance(600);
  for (const running of asked.dialer.running) running.fail("RELAY_FAILED");
  await world.clock.advance(2_500);
  assert.equal(player.fate(), "STREAM_ENDED");
  assert.equal(asked.stateOf(CAM), undefined);
});

test("an owner that dies while a relay is opening: the play ends with a reason, in time", async () => {
  const { world, owner, asked } = await scene({ play: { startTimeout: "8s" } });
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(1);
  owner.clock.pause();
  asked.dialer.last.fail("RELAY_FAILED", "connection refused");
  for (let i = 0; i < 49; i++) {
    await world.clock.advance(100);
    for (const running of asked.dialer.running) running.fail("RELAY_FAILED", "connection refused");
  }
  assert.equal(played.pending, true);
  for (let i = 0; i < 20; i++) {
    await world.clock.advance(100);
    for (const running of asked.dialer.running) running.fail("RELAY_FAILED", "connection refused");
  }
  assert.equal(played.error?.code, "STREAM_NOT_FOUND");
});

test("an owner that cannot be reached: the play fails with what went wrong, after play.startTimeout", async () => {
  const { world, owner, asked } = await scene();
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(1);
  for (let i = 0; i < 50; i++) {
    for (const running of asked.dialer.running) running.fail("RELAY_FAILED", "connection refused");
    await world.clock.advance(100);
  }
  assert.equal(played.error?.code, "RELAY_FAILED");
  assert.equal(
    played.error?.message,
    "the stream could not be fetched from origin owner (owner.internal:1935): connection refused",
  );
});

test("an owner that dies while a relay is opening, and another takes the stream: the play succeeds", async () => {
  const { world, owner, asked } = await scene();
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(1);
  const other = await world.start({ name: "other" });
  await other.live(CAM);
  asked.dialer.last.fail("NOT_OWNER", "other does");
  await world.clock.advance(1);
  assert.equal(asked.dialer.last.target.address, "other.internal:1935");
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.equal(played.value?.kind, "serve");
});

test("a player that leaves while the relay opens leaves nothing behind", async () => {
  const { world, owner, asked } = await scene();
  await owner.live(CAM);
  const left = new AbortController();
  const played = peek(asked.play(CAM, { left: left.signal }));
  await world.clock.advance(1);
  left.abort();
  await world.clock.advance(0);
  assert.equal(played.error?.code, "CLIENT_LEFT");
  asked.dialer.last.accept().send("picture");
  await flow({ world, owner, asked }, asked.dialer.last, 11);
  assert.equal(asked.stateOf(CAM), undefined);
  assert.equal(asked.dialer.running.length, 0);
});

test("a relay that brings nothing for two seconds asks again, and goes where the stream went", async () => {
  const { world, owner, asked, player } = await relayed({ relay: { rereadEvery: "1m" } });
  owner.clock.pause();
  owner.registry.trouble = away;
  const other = await world.start({ name: "other" });
  await other.live(CAM);
  await world.clock.advance(1_900);
  assert.equal(asked.dialer.pulls.length, 1);
  await world.clock.advance(1_200);
  assert.equal(asked.dialer.last.target.address, "other.internal:1935");
  asked.dialer.last.accept().send("again");
  assert.equal(player.received.at(-1), "again");
});

test("a silent owner that is still the owner gets more time, then the connection is doubted", async () => {
  const { world, asked, player, pull } = await relayed();
  await world.clock.advance(3_900);
  assert.equal(pull.over, false);
  await world.clock.advance(2_500);
  assert.equal(pull.over, true);
  assert.equal(asked.dialer.last.target.address, "owner.internal:1935");
  asked.dialer.last.accept().send("still there");
  assert.equal(player.received.at(-1), "still there");
});

test("a stalled connection is doubted while the registry is away, too", async () => {
  const { world, asked, pull } = await relayed();
  asked.registry.trouble = away;
  await world.clock.advance(6_500);
  assert.equal(pull.over, true);
  assert.equal(asked.dialer.last.target.address, "owner.internal:1935");
});

test("a dial that gets no answer is given up", async () => {
  const { world, owner, asked } = await scene();
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(1);
  const first = asked.dialer.last;
  await world.clock.advance(3_500);
  assert.equal(first.over, true);
  assert.ok(asked.dialer.pulls.length > 1);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.equal(played.value?.kind, "serve");
});

test("an owner whose encoder ended the stream ends it for players everywhere, at once", async () => {
  const { world, owner, asked, player, pull } = await relayed();
  await releaseOf(owner);
  pull.finish();
  await world.clock.advance(0);
  assert.equal(player.fate(), "STREAM_ENDED");
  assert.equal(asked.stateOf(CAM), undefined);
});

test("an orderly end whose release is late is an end all the same", async () => {
  const { world, player, pull } = await relayed();
  pull.finish();
  await world.clock.advance(900);
  assert.equal(player.fate(), "playing");
  await world.clock.advance(200);
  assert.equal(player.fate(), "STREAM_ENDED");
});

test("an orderly end by the second encoder of an origin is an end, however late its release", async () => {
  for (const heard of [true, false]) {
    const all = await relayed();
    const { world, owner, asked, player, pull } = all;
    await owner.live(CAM);
    if (heard) await flow(all, pull, 2);
    pull.finish();
    await world.clock.advance(300);
    await releaseOf(owner);
    await world.clock.advance(300);
    assert.equal(asked.dialer.pulls.length, 1, "nobody dials an owner that has just said that it is over");
    assert.equal(player.fate(), "STREAM_ENDED");
  }
});

test("an orderly end after which the same origin has the stream anew goes on with that", async () => {
  const all = await relayed();
  const { world, owner, asked, player, pull } = all;
  await owner.live(CAM);
  pull.finish();
  await world.clock.advance(1_100);
  asked.dialer.last.accept().send("picture of the next");
  assert.deepEqual([player.fate(), player.received.at(-1)], ["playing", "picture of the next"]);
});

test("an orderly end after which another encoder has the stream goes on with that one", async () => {
  const { world, asked, player, pull } = await relayed();
  const other = await world.start({ name: "other" });
  await other.live(CAM);
  pull.finish();
  await world.clock.advance(0);
  asked.dialer.last.accept().send("other picture");
  assert.equal(player.fate(), "playing");
  assert.equal(player.received.at(-1), "other picture");
});

test("a stream whose owner is gone puts the players of its relays on hold, until another owner appears", async () => {
  const { world, owner, asked, player, pull } = await relayed();
  await releaseOf(owner);
  pull.fail("RELAY_FAILED");
  await world.clock.advance(0);
  assert.equal(asked.stateOf(CAM), "held");
  await world.clock.advance(10_000);
  const other = await world.start({ name: "other" });
  await other.live(CAM);
  await world.clock.advance(260);
  assert.equal(asked.stateOf(CAM), "relayed");
  asked.dialer.last.accept().send("it is back");
  assert.deepEqual([player.fate(), player.received.at(-1)], ["playing", "it is back"]);
});

test("a publish here takes the stream from the relay, and the pull stops", async () => {
  const { world, owner, asked, player, pull } = await relayed();
  const publication = await asked.live(CAM, "own picture");
  assert.equal(pull.over, true);
  assert.equal(player.received.at(-1), "own picture");
  await world.clock.advance(5_000);
  assert.equal(asked.stateOf(CAM), "published");
  assert.equal(asked.dialer.pulls.length, 1);
  assert.equal(publication.revoked.aborted, false);
  assert.equal(owner.stateOf(CAM), undefined);
});

test("a record that names us is never dialled, even when the pull breaks before our claim is answered", async () => {
  const { world, owner, asked, player, pull } = await relayed();
  const claimed = peek(asked.publish(CAM));
  asked.registry.trouble = only("lookUp", fine);
  pull.fail("RELAY_FAILED");
  await world.clock.advance(10);
  assert.ok(claimed.value);
  claimed.value.source.write(packet("own"));
  assert.equal(player.received.at(-1), "own");
  assert.ok(asked.dialer.pulls.every(({ target }) => target.address === "owner.internal:1935"));
  assert.equal(owner.stateOf(CAM), undefined);
});

test("a reread that names us dials nobody while our own claim is being answered", async () => {
  const all = await relayed();
  const { asked, player, pull } = all;
  const answers = slowAnswers();
  asked.registry.trouble = only("claimStream", answers.trouble);
  const claimed = peek(asked.publish(CAM));
  await flow(all, pull, 2.5);
  assert.equal(claimed.pending, true);
  assert.equal(asked.dialer.pulls.length, 1);
  assert.equal(player.received.at(-1), "media", "the former owner's, as long as it brings any");
  answers.release();
  await flow(all, pull, 0.5);
  assert.ok(claimed.value);
  assert.deepEqual([pull.over, asked.stateOf(CAM)], [true, "published"]);
});

test("an answer of the registry that is older than what is known sends no relay back", async () => {
  const all = await relayed();
  const { world, asked, player, pull } = all;
  let old: unknown;
  asked.registry.trouble = only("lookUp", async (ask) => (old = await ask()));
  await flow(all, pull, 1.5);
  asked.registry.trouble = fine;
  const other = await world.start({ name: "other" });
  await other.live(CAM);
  await flow(all, pull, 1.5);
  const next = asked.dialer.last;
  assert.equal(next.target.address, "other.internal:1935");
  next.accept().send("new picture");
  asked.registry.trouble = only("lookUp", () => Promise.resolve(old));
  asked.registry.calls.length = 0;
  await flow(all, next, 3);
  assert.ok(asked.registry.calls.includes("lookUp"));
  assert.equal(asked.dialer.last, next);
  assert.deepEqual([next.over, player.received.at(-1)], [false, "media"]);
});

test("while the registry is away a relay goes on with the last known owner", async () => {
  const { world, asked, player, pull } = await relayed();
  asked.registry.trouble = away;
  pull.fail("RELAY_FAILED");
  await world.clock.advance(200);
  assert.equal(asked.dialer.last.target.address, "owner.internal:1935");
  assert.equal(asked.dialer.pulls.length, 2);
  asked.dialer.last.accept().send("again");
  assert.equal(player.received.at(-1), "again");
});

/** Take the owner's record away, as its release would, without its stream. */
async function releaseOf(owner: FakeOrigin): Promise<void> {
  const { ref } = owner.fleet.session;
  const streams = await owner.registry.listStreams();
  if (ref) await owner.registry.releaseStreams(ref, streams, "test");
}
