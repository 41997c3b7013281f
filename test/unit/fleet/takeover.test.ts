import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { packet, type FakePlayer } from "../../support/fake-channels.ts";
import { FakeWorld, peek, type FakeOrigin } from "../../support/fake-fleet.ts";
import { FakeNetwork } from "../../support/fake-network.ts";
import { away, fine, only, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = "live/cam";

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

test("a take-over elsewhere: the old owner drops its encoder, becomes a relay and keeps its players", async () => {
  const all = await net();
  const { world, network, a, b, c } = all;
  const first = await a.live(CAM);
  const feed = () => first.source.write(packet("from a"));
  const [atA, atB, atC] = [await join(all, a, feed), await join(all, b, feed), await join(all, c, feed)];
  const second = await b.live(CAM, "from b");
  await world.clock.advance(20);
  assert.equal((first.revoked.reason as HoldfastError).code, "STREAM_TAKEN_OVER");
  assert.deepEqual(
    [a, b, c].map((origin) => origin.stateOf(CAM)),
    ["relayed", "published", "relayed"],
  );
  assert.deepEqual([...network.links].map(({ from, to }) => `${from}->${to}`).sort(), ["b->a", "b->c"]);
  second.source.write(packet("still b"));
  for (const player of [atA, atB, atC]) {
    assert.equal(player.fate(), "playing");
    assert.equal(player.received.at(-1), "still b");
  }
});

test("a take-over without a notice is seen at the next renewal", async () => {
  const { world, a, b } = await net();
  a.registry.deaf = true;
  const first = await a.live(CAM);
  await b.live(CAM);
  await world.clock.advance(100);
  assert.equal(first.revoked.aborted, false);
  await world.clock.advance(1_000);
  assert.equal(first.revoked.aborted, true);
  assert.equal(a.stateOf(CAM), undefined);
});

test("a loss is acknowledged, and told no more", async () => {
  const { world, a, b } = await net();
  await a.live(CAM);
  const epoch = a.fleet.session.ref?.epoch;
  await b.live(CAM);
  await world.clock.advance(100);
  assert.equal(world.store.lost.get(`a@${epoch}`)?.size, 1);
  await world.clock.advance(1_000);
  assert.equal(world.store.lost.get(`a@${epoch}`), undefined);
});

test("an acknowledgement that has arrived is not sent again", async () => {
  const { world, a, b } = await net();
  const sent: number[] = [];
  const { inner } = a.registry;
  const heartbeat = inner.heartbeat.bind(inner);
  inner.heartbeat = (session, update) => {
    sent.push(update.acknowledged.length);
    return heartbeat(session, update);
  };
  await a.live(CAM);
  await b.live(CAM);
  await world.clock.advance(3_500);
  assert.deepEqual(sent, [1, 0, 0]);
});

test("a notice that is older than our own token is no loss", async () => {
  const { world, a, b } = await net({ publish: { takeoverPauseMin: "0s" } });
  a.registry.deaf = true;
  await a.live(CAM);
  await b.live(CAM);
  // The encoder comes back before the origin has heard of its loss, which it hears of only then.
  const back = await a.live(CAM);
  await world.clock.advance(2_000);
  assert.equal(back.revoked.aborted, false);
  assert.equal(a.stateOf(CAM), "published");
  assert.equal((await a.registry.listStreams())[0]?.origin, "a");
});

test("an encoder that comes back through another origin keeps the players of all", async () => {
  const all = await net();
  const { world, a, b, c } = all;
  const first = await a.live(CAM);
  const feed = () => first.source.write(packet("before"));
  const [atA, atC] = [await join(all, a, feed), await join(all, c, feed)];
  first.end("disconnected");
  await world.clock.advance(20);
  assert.deepEqual([a.stateOf(CAM), c.stateOf(CAM)], ["held", "held"]);
  assert.deepEqual(await a.registry.listStreams(), []);
  await world.clock.advance(8_000);
  const back = await b.live(CAM);
  await world.clock.advance(270);
  assert.deepEqual([a.stateOf(CAM), c.stateOf(CAM)], ["relayed", "relayed"]);
  back.source.write(packet("after"));
  for (const player of [atA, atC])
    assert.deepEqual([player.fate(), player.received.at(-1)], ["playing", "after"]);
});

test("an encoder that comes back to the same origin finds its players there", async () => {
  const all = await net();
  const { world, a, c } = all;
  const first = await a.live(CAM);
  const feed = () => first.source.write(packet("before"));
  const [atA, atC] = [await join(all, a, feed), await join(all, c, feed)];
  first.end("disconnected");
  await world.clock.advance(3_000);
  const back = await a.live(CAM);
  await world.clock.advance(270);
  back.source.write(packet("after"));
  for (const player of [atA, atC]) assert.equal(player.received.at(-1), "after");
});

test("a hold ends after continuity.hold, for all players, with a reason", async () => {
  const all = await net();
  const { world, a, c } = all;
  const first = await a.live(CAM);
  const feed = () => first.source.write(packet("before"));
  const [atA, atC] = [await join(all, a, feed), await join(all, c, feed)];
  first.end("disconnected");
  await world.clock.advance(14_000);
  assert.deepEqual([atA.fate(), atC.fate()], ["playing", "playing"]);
  await world.clock.advance(1_100);
  assert.deepEqual([atA.fate(), atC.fate()], ["STREAM_ENDED", "STREAM_ENDED"]);
  assert.match(atA.ended?.message ?? "", /its source did not come back/);
  assert.deepEqual(a.fleet.streams(), []);
});

test("a hold counts from when media stopped, whoever tried to bring it back meanwhile", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  const player = await join(all, a, () => {});
  first.end("disconnected");
  await world.clock.advance(10_000);
  const silent = await b.publish(CAM);
  await world.clock.advance(1_000);
  assert.equal(a.stateOf(CAM), "relayed");
  silent.end("disconnected");
  await world.clock.advance(3_000);
  assert.deepEqual([a.stateOf(CAM), player.fate()], ["held", "playing"]);
  await world.clock.advance(1_500);
  assert.equal(player.fate(), "STREAM_ENDED");
});

test("many relays and many waiting plays are no leak", async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on("warning", listen);
  const { world, a } = await net({ play: { waitForPublish: "1s" } });
  const { key } = await a.live(CAM);
  const scope = { purpose: "relay", target: a.instance, subject: key } as const;
  for (let i = 0; i < 20; i++) {
    const ticket = a.fleet.clusterKey?.ticket(scope, a.fleet.session.now()) ?? "";
    const answer = await a.play(CAM, { ticket });
    if (answer.kind === "serve") answer.revoked?.addEventListener("abort", () => {});
    void a.play(`live/none-${i}`).catch(() => {});
  }
  await world.clock.advance(2_000);
  process.off("warning", listen);
  assert.deepEqual(warnings, []);
});

test("a play of a stream on hold attaches and is held, too; elsewhere nobody publishes it", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  await join(all, a, () => {});
  first.end("disconnected");
  const late = await a.watch(CAM);
  const elsewhere = peek(b.play(CAM));
  await world.clock.advance(0);
  assert.equal(elsewhere.error?.code, "STREAM_NOT_FOUND");
  await a.live(CAM, "back");
  assert.deepEqual(late.received, ["back"]);
});

test("a hold ends with its last player", async () => {
  const all = await net();
  const first = await all.a.live(CAM);
  const player = await join(all, all.a, () => {});
  first.end("disconnected");
  assert.equal(all.a.stateOf(CAM), "held");
  player.leave();
  assert.equal(all.a.stateOf(CAM), undefined);
});

test("continuity.hold 0 ends a stream with its encoder", async () => {
  const all = await net({ continuity: { hold: "0s" } });
  const first = await all.a.live(CAM);
  const player = await join(all, all.a, () => {});
  first.end("disconnected");
  assert.equal(player.fate(), "STREAM_ENDED");
});

test("an orderly end reaches the players of every origin within half a second", async () => {
  const all = await net();
  const { world, a, b, c } = all;
  const first = await a.live(CAM);
  const feed = () => first.source.write(packet("x"));
  const players = [await join(all, a, feed), await join(all, b, feed), await join(all, c, feed)];
  first.end("unpublished");
  await world.clock.advance(500);
  assert.deepEqual(
    players.map((player) => player.fate()),
    ["STREAM_ENDED", "STREAM_ENDED", "STREAM_ENDED"],
  );
});

test("a zombie that slept past its deadline does not get its stream back, and relays it from the new owner", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  const player = await join(all, a, () => {});
  a.clock.pause();
  a.registry.deaf = true;
  a.registry.trouble = away;
  await world.clock.advance(20_000);
  assert.equal(a.fleet.session.live, false);
  const second = await b.live(CAM);
  a.registry.trouble = fine;
  a.registry.deaf = false;
  a.clock.resume();
  await world.clock.advance(1_500);
  assert.equal(first.revoked.aborted, true);
  second.source.write(packet("from b"));
  assert.deepEqual([player.fate(), player.received.at(-1)], ["playing", "from b"]);
  assert.equal((await a.registry.listStreams())[0]?.origin, "b");
});

test("a cut-off owner goes on for its players, and becomes a relay when it sees that another has the stream", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  const player = await join(all, a, () => {});
  a.registry.trouble = away;
  await world.clock.advance(8_000);
  const second = await b.live(CAM);
  await world.clock.advance(5_000);
  first.source.write(packet("a, cut off"));
  assert.equal(player.received.at(-1), "a, cut off");
  a.registry.trouble = fine;
  await world.clock.advance(1_500);
  second.source.write(packet("from b"));
  assert.deepEqual([player.fate(), player.received.at(-1)], ["playing", "from b"]);
  assert.equal(first.revoked.aborted, true);
});

test("an encoder that leaves while its stream is claimed again leaves no record behind", async () => {
  const { world, a } = await net();
  const first = await a.live(CAM);
  world.store.sessions.delete("a");
  const answers = slowAnswers();
  a.registry.trouble = only("claimStream", answers.trouble);
  await world.clock.advance(1_500);
  assert.equal((await a.registry.listStreams()).length, 1);
  first.end("disconnected");
  answers.release();
  await world.clock.advance(10);
  assert.deepEqual(await a.registry.listStreams(), []);
});

test("a second encoder while the first one's stream is claimed again gets it, and the tokens stay in line", async () => {
  const { world, a } = await net();
  const first = await a.live(CAM);
  world.store.sessions.delete("a");
  const answers = slowAnswers();
  a.registry.trouble = only("claimStream", answers.trouble);
  await world.clock.advance(1_500);
  const second = peek(a.publish(CAM));
  answers.release();
  await world.clock.advance(10);
  assert.ok(second.value);
  assert.equal(first.revoked.aborted, true);
  assert.equal((await a.registry.listStreams())[0]?.token, a.tokenOf(CAM));
});

test("a claim that is granted to a session that is over by then is made again for the new one", async () => {
  const { world, a } = await net();
  const answers = slowAnswers();
  a.registry.trouble = only("claimStream", answers.trouble);
  const published = peek(a.publish(CAM));
  await world.clock.advance(10);
  world.store.sessions.delete("a");
  await world.clock.advance(1_500);
  a.registry.trouble = fine;
  answers.release();
  await world.clock.advance(0);
  assert.ok(published.value);
  const [record] = await a.registry.listStreams();
  assert.deepEqual([record?.epoch, record?.token], [a.fleet.session.ref?.epoch, a.tokenOf(CAM)]);
});

test("an origin never dials itself while its own claim is being answered", async () => {
  const all = await net();
  const { world, a, b } = all;
  const first = await a.live(CAM);
  const player = await join(all, b, () => first.source.write(packet("from a")));
  const answers = slowAnswers();
  b.registry.trouble = only("claimStream", answers.trouble);
  const published = peek(b.publish(CAM));
  await world.clock.advance(1_000);
  assert.equal((await b.registry.listStreams())[0]?.origin, "b");
  assert.equal(b.stateOf(CAM), "held");
  answers.release();
  await world.clock.advance(0);
  published.value?.source.write(packet("from b"));
  assert.deepEqual([player.fate(), player.received.at(-1)], ["playing", "from b"]);
});

test("relays of a stream stay when a second encoder takes over on the same origin", async () => {
  const all = await net();
  const { world, network, a, c } = all;
  const first = await a.live(CAM);
  const player = await join(all, c, () => first.source.write(packet("first")));
  const [link] = network.links;
  const second = await a.live(CAM);
  await world.clock.advance(10);
  second.source.write(packet("second"));
  assert.equal(player.received.at(-1), "second");
  assert.deepEqual([...network.links], [link]);
});

test("a session that answers its revocation by ending the publication ends nothing of the next one", async () => {
  const { world, a } = await net();
  const first = await a.live(CAM);
  first.revoked.addEventListener("abort", () => first.end("unpublished"));
  first.source.closed.addEventListener("abort", () => first.end("unpublished"));
  const player = await a.watch(CAM);
  const second = await a.live(CAM, "second");
  await world.clock.advance(0);
  assert.deepEqual([player.fate(), second.revoked.aborted], ["playing", false]);
  assert.equal((await a.registry.listStreams())[0]?.token, a.tokenOf(CAM));
});

test("a record that an operator deleted is claimed again within two touches", async () => {
  const { world, a } = await net();
  const { key } = await a.live(CAM);
  world.store.streams.delete(key);
  await world.clock.advance(13_000);
  assert.equal((await a.registry.listStreams())[0]?.token, a.tokenOf(CAM));
});

test("records live as long as their stream: they are touched every ten seconds", async () => {
  const { world, a } = await net();
  await a.live(CAM);
  await world.clock.advance(120_000);
  assert.equal((await a.registry.listStreams()).length, 1);
  assert.equal(a.registry.calls.filter((call) => call === "touchStreams").length, 12);
});

test("an origin with a thousand streams asks the registry no more often than one with a few", async () => {
  const { world, a } = await net();
  for (let i = 0; i < 1_000; i++) await a.live(`live/${i}`);
  a.registry.calls.length = 0;
  await world.clock.advance(20_000);
  // The planner looks who is there once a second, however many streams there are.
  const [looks, others] = [true, false].map((look) =>
    a.registry.calls.filter((call) => (call === "listOrigins") === look),
  );
  assert.ok((looks?.length ?? 0) <= 25, `${looks?.length} looks in 20 s`);
  assert.ok((others?.length ?? 0) <= 25, `${others?.length} other calls in 20 s`);
});

test("a thousand encoders that leave together are released in a few calls", async () => {
  const { world, a } = await net();
  const publications = [];
  for (let i = 0; i < 1_000; i++) publications.push(await a.live(`live/${i}`));
  a.registry.calls.length = 0;
  for (const publication of publications) publication.end("disconnected");
  await world.clock.advance(10);
  assert.deepEqual(await a.registry.listStreams(), []);
  assert.ok(a.registry.calls.filter((call) => call === "releaseStreams").length <= 2);
});

test("an owner that stops hands its players elsewhere over: they stay until the encoder is back", async () => {
  const all = await net();
  const { world, a, b, c } = all;
  const first = await a.live(CAM);
  const player = await join(all, c, () => first.source.write(packet("before")));
  await a.fleet.stop();
  await world.clock.advance(20);
  assert.equal(player.fate(), "playing");
  const back = await b.live(CAM);
  await world.clock.advance(270);
  back.source.write(packet("after"));
  assert.equal(player.received.at(-1), "after");
});
