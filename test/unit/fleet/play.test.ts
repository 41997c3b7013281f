import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { ClusterKey } from "../../../src/fleet/cluster-key.ts";
import { FakePlayer, packet } from "../../support/fake-channels.ts";
import { CLUSTER_KEY, codeOf, FakeWorld, peek, type FakeOrigin } from "../../support/fake-fleet.ts";
import { away, only, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = "live/cam";

async function pair(settings = {}): Promise<{ world: FakeWorld; owner: FakeOrigin; asked: FakeOrigin }> {
  const world = new FakeWorld();
  const owner = await world.start({ name: "owner" });
  return { world, owner, asked: await world.start({ name: "asked", settings }) };
}

/** A ticket as `asked` would make it for `owner`. */
function ticketFor(origin: FakeOrigin, stream = CAM, instance = origin.instance): string {
  const scope = { purpose: "relay", target: instance, subject: stream } as const;
  return new ClusterKey(CLUSTER_KEY).ticket(scope, origin.fleet.session.now());
}

test("a stream that nobody publishes is refused after one lookup, at once", async () => {
  const { world, asked } = await pair();
  const played = peek(asked.play(CAM));
  await world.clock.advance(0);
  assert.equal(played.error?.code, "STREAM_NOT_FOUND");
  assert.equal(asked.registry.calls.filter((call) => call === "lookUp").length, 1);
});

test("a local stream is served without asking the registry", async () => {
  const { owner } = await pair();
  await owner.live(CAM);
  const before = owner.registry.calls.length;
  const answer = await owner.play(CAM);
  assert.equal(answer.kind, "serve");
  assert.equal(owner.registry.calls.length, before);
});

test("a play of a stream whose encoder has sent nothing yet waits for it, and is served in any case", async () => {
  const { world, owner } = await pair();
  const publication = await owner.publish(CAM);
  const [early, patient] = [peek(owner.play(CAM)), peek(owner.play(CAM))];
  await world.clock.advance(100);
  assert.equal(early.pending, true);
  publication.source.write(packet("first"));
  await world.clock.advance(0);
  assert.equal(early.value?.kind, "serve");
  assert.equal(patient.value?.kind, "serve");
  await owner.publish("live/silent");
  const silent = peek(owner.play("live/silent"));
  await world.clock.advance(5_000);
  assert.equal(silent.value?.kind, "serve");
});

test("who may not play is refused before anything is looked up", async () => {
  const world = new FakeWorld();
  const play = async () => {
    throw new Error("no");
  };
  const origin = await world.start({ authorise: { play } });
  const before = origin.registry.calls.length;
  assert.equal(await codeOf(origin.play(CAM)), "PLAY_UNAUTHORISED");
  assert.equal(origin.registry.calls.length, before);
});

test("a player that leaves during the lookup starts nothing", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const answers = slowAnswers();
  asked.registry.trouble = only("lookUp", answers.trouble);
  const left = new AbortController();
  const played = peek(asked.play(CAM, { left: left.signal }));
  await world.clock.advance(10);
  left.abort();
  answers.release();
  await world.clock.advance(0);
  assert.equal(played.error?.code, "CLIENT_LEFT");
  assert.equal(asked.dialer.pulls.length, 0);
});

test("an ordinary player of a remote stream is relayed: it is answered when media is there", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(10);
  const pull = asked.dialer.last;
  assert.equal(pull.target.address, "owner.internal:1935");
  assert.equal(pull.target.asker, "asked");
  assert.equal(played.pending, true);
  pull.accept();
  await world.clock.advance(0);
  assert.equal(played.pending, true);
  pull.send("picture");
  await world.clock.advance(0);
  assert.equal(played.value?.kind, "serve");
  assert.equal(asked.stateOf(CAM), "relayed");
});

test("two plays of one remote stream at once share one relay", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const plays = Array.from({ length: 50 }, () => peek(asked.play(CAM)));
  await world.clock.advance(10);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.ok(plays.every(({ value }) => value?.kind === "serve"));
  assert.equal(asked.dialer.pulls.length, 1);
  assert.equal(asked.registry.calls.filter((call) => call === "lookUp").length, 1);
});

test("an SRS edge is redirected, until it looks like a loop", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const play = () => asked.play(CAM, { client: asked.client({ srs: true }) });
  for (let i = 0; i < 3; i++)
    assert.deepEqual(await play(), {
      ...{ kind: "redirect", address: "owner.example:1935", owner: "owner" },
    });
  const fourth = peek(play());
  await world.clock.advance(1);
  assert.equal(fourth.pending, true);
  assert.equal(asked.dialer.pulls.length, 1);
});

test("HTTP-FLV is redirected to the owner, and relayed when it was redirected already", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const client = asked.client({ protocol: "http-flv" });
  assert.deepEqual(await asked.play(CAM, { client }), {
    ...{ kind: "redirect", address: "owner.example:8080", owner: "owner" },
  });
  void asked.play(CAM, { client, redirected: true }).catch(() => {});
  await world.clock.advance(10);
  assert.equal(asked.dialer.pulls.length, 1);
});

test("a remote stream without a cluster key cannot be relayed, and the player hears why", async () => {
  const { world, owner, asked } = await pair({ cluster: {} });
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(5_000);
  assert.equal(played.error?.code, "RELAY_FAILED");
  assert.match(played.error?.message ?? "", /this origin has no cluster\.key/);
  assert.equal(asked.dialer.pulls.length, 0);
});

test("play.waitForPublish lets a player wait for its publisher, here or elsewhere", async () => {
  const { world, owner, asked } = await pair({ play: { waitForPublish: "10s" } });
  const [far, near, never] = [
    peek(asked.play(CAM)),
    peek(asked.play("live/near")),
    peek(asked.play("live/never")),
  ];
  await world.clock.advance(3_000);
  assert.equal(asked.registry.calls.filter((call) => call === "lookUp").length, 3 + 3_000 / 250);
  await owner.live(CAM);
  await asked.live("live/near");
  await world.clock.advance(300);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.equal(far.value?.kind, "serve");
  assert.equal(near.value?.kind, "serve");
  await world.clock.advance(7_000);
  assert.equal(never.error?.code, "STREAM_NOT_FOUND");
  assert.match(never.error?.message ?? "", /nobody publishes live\/never/);
});

test("a player that stops waiting is forgotten", async () => {
  const { world, asked } = await pair({ play: { waitForPublish: "10s" } });
  const left = new AbortController();
  const played = peek(asked.play(CAM, { left: left.signal }));
  await world.clock.advance(1_000);
  left.abort();
  await world.clock.advance(300);
  assert.equal(played.error?.code, "CLIENT_LEFT");
  const asks = asked.registry.calls.filter((call) => call === "lookUp").length;
  await world.clock.advance(3_000);
  assert.equal(asked.registry.calls.filter((call) => call === "lookUp").length, asks);
});

test("only so many plays wait at the same time", async () => {
  const settings = { play: { waitForPublish: "10s" }, limits: { streamsWaiting: 2 } };
  const { world, asked } = await pair(settings);
  const plays = [1, 2, 3].map((i) => peek(asked.play(`live/${i}`)));
  await world.clock.advance(10);
  assert.deepEqual(
    plays.map(({ error }) => error?.code),
    [undefined, undefined, "ORIGIN_FULL"],
  );
  await world.clock.advance(10_000);
  assert.equal(plays[0]?.error?.code, "STREAM_NOT_FOUND");
  const again = peek(asked.play("live/4"));
  await world.clock.advance(10);
  assert.equal(again.pending, true);
});

test("a record that names this origin, which has no such stream, is nobody's and is mended", async () => {
  const { world, asked } = await pair();
  const { ref } = asked.fleet.session;
  assert.ok(ref);
  const claim = { kind: "publish", policy: "takeover", ttlMs: 30_000, publisher: "", codecs: "" } as const;
  const key = parseStreamKey(CAM);
  await asked.registry.claimStream(ref, {
    ...claim,
    key,
    formerToken: 0,
    pauseMinMs: 0,
    pauseMaxMs: 0,
    rank: 0,
    switched: "",
    ingestToken: 0,
  });
  assert.equal(await codeOf(asked.play(CAM)), "STREAM_NOT_FOUND");
  assert.equal(asked.dialer.pulls.length, 0);
  await world.clock.advance(1_100);
  assert.deepEqual(await asked.registry.listStreams(), []);
});

test("while the registry is away what is here is played, and the unknown is refused as such", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const played = peek(asked.play(CAM));
  await world.clock.advance(10);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.equal(played.value?.kind, "serve");
  const player = FakePlayer.on(played.value.channel);
  asked.registry.trouble = away;
  owner.registry.trouble = away;
  for (let i = 0; i < 20; i++) {
    asked.dialer.last.send("media");
    await world.clock.advance(1_000);
  }
  assert.equal(player.fate(), "playing");
  assert.equal((await asked.play(CAM)).kind, "serve");
  assert.equal((await owner.play(CAM)).kind, "serve");
  assert.equal(await codeOf(asked.play("live/unknown")), "REGISTRY_UNAVAILABLE");
});

test("an owner serves a relay that shows a ticket, without waiting and without asking who may play", async () => {
  const world = new FakeWorld();
  const play = async () => {
    throw new Error("no");
  };
  const owner = await world.start({ name: "owner", authorise: { play } });
  await owner.publish(CAM);
  const answer = await owner.play(CAM, { ticket: ticketFor(owner) });
  assert.equal(answer.kind, "serve");
  assert.equal(answer.kind === "serve" && answer.revoked?.aborted, false);
});

test("a ticket for another stream, another origin, or used before opens nothing", async () => {
  const { owner } = await pair();
  await owner.live(CAM);
  const used = ticketFor(owner);
  await owner.play(CAM, { ticket: used });
  for (const ticket of [used, ticketFor(owner, "live/cam2"), ticketFor(owner, CAM, "another"), "", "v1.x"])
    assert.equal(await codeOf(owner.play(CAM, { ticket })), "TICKET_INVALID");
});

test("an origin without a cluster key admits no ticket", async () => {
  const world = new FakeWorld();
  const owner = await world.start({ settings: { cluster: {} } });
  await owner.live(CAM);
  assert.equal(await codeOf(owner.play(CAM, { ticket: ticketFor(owner) })), "TICKET_INVALID");
});

test("only an owner serves relays: one that relays or holds names the owner it knows", async () => {
  const { world, owner, asked } = await pair();
  const publication = await owner.live(CAM);
  void asked.play(CAM).catch(() => {});
  await world.clock.advance(10);
  const refused = peek(asked.play(CAM, { ticket: ticketFor(asked) }));
  await world.clock.advance(0);
  assert.equal(refused.error?.code, "NOT_OWNER");
  assert.equal(refused.error?.context["owner"], "owner");
  assert.equal(refused.error?.message, "origin asked does not own live/cam; owner does");
  FakePlayer.on(owner.channels.open(publication.key));
  publication.end("disconnected");
  assert.equal(owner.stateOf(CAM), "held");
  assert.equal(await codeOf(owner.play(CAM, { ticket: ticketFor(owner) })), "NOT_OWNER");
});

test("a relay that comes while the claim is being answered is served once it is", async () => {
  const { world, owner, asked } = await pair();
  const answers = slowAnswers();
  owner.registry.trouble = only("claimStream", answers.trouble);
  const published = peek(owner.publish(CAM));
  await world.clock.advance(10);
  assert.equal((await asked.registry.locate([parseStreamKey(CAM)]))[0]?.owner.name, "owner");
  const relayed = peek(owner.play(CAM, { ticket: ticketFor(owner) }));
  await world.clock.advance(10);
  answers.release();
  await world.clock.advance(0);
  assert.ok(published.value);
  assert.equal(relayed.value?.kind, "serve");
});

test("a deposed owner closes its relays before anything else can reach them", async () => {
  const { world, owner, asked } = await pair();
  await owner.live(CAM);
  const answer = await owner.play(CAM, { ticket: ticketFor(owner) });
  assert.ok(answer.kind === "serve" && answer.revoked);
  await asked.live(CAM);
  await world.clock.advance(10);
  assert.equal((answer.revoked.reason as HoldfastError).code, "NOT_OWNER");
});

test("relays of an encoder that vanished are closed; of one that ended its stream they end in order", async () => {
  const { owner } = await pair();
  for (const how of ["disconnected", "unpublished"] as const) {
    const publication = await owner.live(CAM);
    const answer = await owner.play(CAM, { ticket: ticketFor(owner) });
    assert.ok(answer.kind === "serve" && answer.revoked);
    const relay = FakePlayer.on(answer.channel);
    const order: string[] = [];
    answer.revoked.addEventListener("abort", () => {
      order.push("revoked");
      relay.leave();
    });
    publication.end(how);
    assert.deepEqual(order, how === "disconnected" ? ["revoked"] : []);
    assert.equal(relay.ended?.code, how === "disconnected" ? undefined : "STREAM_ENDED");
  }
});

test("an origin that stops resets its relays first, so that no origin takes it for the end of the stream", async () => {
  const { owner } = await pair();
  await owner.live(CAM);
  const answer = await owner.play(CAM, { ticket: ticketFor(owner) });
  assert.ok(answer.kind === "serve" && answer.revoked);
  const relay = FakePlayer.on(answer.channel);
  answer.revoked.addEventListener("abort", () => relay.leave());
  await owner.fleet.stop();
  assert.equal(answer.revoked.aborted, true);
  assert.equal(relay.ended, undefined);
});
