import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { FakePlayer, packet } from "../../support/fake-channels.ts";
import { codeOf, FakeWorld, peek } from "../../support/fake-fleet.ts";
import { away, fine, held, mute, only, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = "live/cam";

test("a publish is claimed in the registry and feeds the channel", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  const player = await origin.watch(CAM);
  publication.source.write(packet("more"));
  assert.deepEqual(player.received, ["more"]);
  const [location] = await origin.registry.locate([publication.key]);
  assert.equal(location?.owner.name, "o1");
  assert.equal(location?.record.publisher, "192.0.2.1");
  assert.equal(origin.tokenOf(CAM), location?.record.token);
});

test("codecs reach the record as soon as they are known", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const { key } = await origin.live(CAM);
  origin.channels.open(key).setCodecs("avc1,mp4a");
  await world.clock.advance(0);
  assert.equal((await origin.registry.locate([key]))[0]?.record.codecs, "avc1,mp4a");
});

test("codecs that could not be written are written after the next renewal", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const { key } = await origin.live(CAM);
  origin.registry.trouble = only("describeStream", away);
  origin.channels.open(key).setCodecs("avc1");
  await world.clock.advance(0);
  origin.registry.trouble = fine;
  await world.clock.advance(1_100);
  assert.equal((await origin.registry.locate([key]))[0]?.record.codecs, "avc1");
});

test("who may not publish is refused before anything is claimed", async () => {
  const world = new FakeWorld();
  const publish = async () => {
    throw new Error("wrong password");
  };
  const origin = await world.start({ authorise: { publish } });
  assert.equal(await codeOf(origin.publish(CAM)), "PUBLISH_UNAUTHORISED");
  assert.ok(!origin.registry.calls.includes("claimStream"));
});

test("an encoder that leaves during authorisation claims nothing", async () => {
  const world = new FakeWorld();
  const left = new AbortController();
  const origin = await world.start({ authorise: { publish: async () => left.abort() } });
  assert.equal(await codeOf(origin.publish(CAM, left)), "CLIENT_LEFT");
  assert.ok(!origin.registry.calls.includes("claimStream"));
});

test("an encoder that leaves during the claim gives the stream back at once", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const answers = slowAnswers();
  origin.registry.trouble = only("claimStream", answers.trouble);
  const left = new AbortController();
  const publish = origin.publish(CAM, left);
  await world.clock.advance(10);
  assert.equal((await origin.registry.listStreams()).length, 1);
  left.abort(new HoldfastError("CLIENT_LEFT"));
  answers.release();
  assert.equal(await codeOf(publish), "CLIENT_LEFT");
  await world.clock.advance(0);
  assert.deepEqual(await origin.registry.listStreams(), []);
  assert.equal(origin.stateOf(CAM), undefined);
});

test("an encoder that leaves while it takes over locally leaves the first one live, under the new token", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const first = await origin.live(CAM);
  const token = origin.tokenOf(CAM);
  const answers = slowAnswers();
  origin.registry.trouble = only("claimStream", answers.trouble);
  const left = new AbortController();
  const second = origin.publish(CAM, left);
  await world.clock.advance(10);
  left.abort();
  answers.release();
  assert.equal(await codeOf(second), "CLIENT_LEFT");
  await world.clock.advance(0);
  assert.equal(first.revoked.aborted, false);
  assert.ok(origin.tokenOf(CAM) > token);
  assert.equal((await origin.registry.listStreams())[0]?.token, origin.tokenOf(CAM));
});

test("a second encoder on the same origin takes over: new token, same channel, same players", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const first = await origin.live(CAM);
  const player = await origin.watch(CAM);
  const token = origin.tokenOf(CAM);
  const second = await origin.live(CAM, "second");
  first.source.write(packet("late"));
  assert.deepEqual(player.received, ["second"]);
  assert.equal((first.revoked.reason as HoldfastError).code, "STREAM_TAKEN_OVER");
  assert.equal(second.revoked.aborted, false);
  assert.ok(origin.tokenOf(CAM) > token);
  first.end("disconnected");
  await world.clock.advance(0);
  assert.equal((await origin.registry.listStreams()).length, 1);
});

test("with publish.onDuplicate reject the second encoder hears who has the stream and since when", async () => {
  const world = new FakeWorld();
  const settings = { publish: { onDuplicate: "reject" } } as const;
  const one = await world.start({ settings });
  const two = await world.start({ name: "o2", settings });
  const first = await one.live(CAM);
  await world.clock.advance(5_000);
  for (const origin of [one, two]) {
    const refused = peek(origin.publish(CAM));
    await world.clock.advance(0);
    assert.equal(refused.error?.code, "STREAM_NAME_TAKEN");
    assert.equal(refused.error?.message, "live/cam is being published already, to origin o1 for 5 s");
  }
  assert.equal(first.revoked.aborted, false);
});

const codeSeen = ({ error }: { readonly error?: HoldfastError }) => error?.code;

test("who comes back at once is not refused for an end that waits to be read, at whichever origin", async () => {
  const world = new FakeWorld();
  const settings = { publish: { onDuplicate: "reject", maxWindow: "100ms" } } as const;
  const one = await world.start({ settings });
  const two = await world.start({ name: "o2", settings });
  for (const [before, after] of [
    [one, one],
    [one, two],
  ] as const) {
    const first = await before.live(CAM);
    await world.clock.advance(5_000);
    const second = peek(after.publish(CAM));
    await world.clock.advance(90);
    assert.equal(codeSeen(second), undefined);
    first.end("unpublished");
    await world.clock.advance(200);
    assert.equal(codeSeen(second), undefined);
    assert.ok(second.value);
    second.value.end("unpublished");
    await world.clock.advance(100);
  }
});

test("a name that is really taken is refused when the last of its encoder would have been read", async () => {
  const world = new FakeWorld();
  const one = await world.start({ settings: { publish: { onDuplicate: "reject", maxWindow: "100ms" } } });
  await one.live(CAM);
  const refused = peek(one.publish(CAM));
  const left = new AbortController();
  const gone = peek(one.publish(CAM, left));
  await world.clock.advance(100);
  assert.equal(codeSeen(refused), undefined);
  left.abort(new HoldfastError("CLIENT_LEFT"));
  await world.clock.advance(0);
  assert.equal(codeSeen(gone), "CLIENT_LEFT");
  await world.clock.advance(100);
  assert.equal(codeSeen(refused), "STREAM_NAME_TAKEN");
});

test("two encoders that fight are paused, longer each time", async () => {
  const world = new FakeWorld();
  const one = await world.start();
  const two = await world.start({ name: "o2" });
  await one.live(CAM);
  await two.live(CAM);
  const refused = peek(one.publish(CAM));
  await world.clock.advance(0);
  assert.equal(refused.error?.code, "TAKEOVER_TOO_SOON");
  assert.equal(refused.error?.context["retryAfterMs"], 1_000);
  assert.match(refused.error?.message ?? "", /stays with origin o2; try again in 1 s/);
  await world.clock.advance(1_001);
  await one.live(CAM);
  const again = peek(two.publish(CAM));
  await world.clock.advance(0);
  assert.equal(again.error?.context["retryAfterMs"], 2_000);
});

test("a stream that an ingest feeds is not for encoders", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  world.store.reserved.add((await origin.live("live/other")).key);
  assert.equal(await codeOf(origin.publish("live/other")), "STREAM_INGESTED");
});

test("while the registry is away a publish is refused, and what is live goes on", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const live = await origin.live(CAM);
  const player = await origin.watch(CAM);
  origin.registry.trouble = away;
  assert.equal(await codeOf(origin.publish("live/other")), "REGISTRY_UNAVAILABLE");
  // Long after the session is over.
  await world.clock.advance(10_000);
  const late = peek(origin.publish("live/third"));
  await world.clock.advance(1_999);
  assert.equal(late.pending, true);
  await world.clock.advance(1);
  assert.equal(late.error?.code, "REGISTRY_UNAVAILABLE");
  live.source.write(packet("still here"));
  assert.equal(player.received.at(-1), "still here");
  assert.equal((await origin.watch(CAM)).ended, undefined);
});

test("a publish that finds the session gone waits for the new one", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  world.store.sessions.delete("o1");
  const publish = peek(origin.publish(CAM));
  await world.clock.advance(900);
  assert.ok(publish.value);
  assert.equal((await origin.registry.listStreams())[0]?.key, CAM);
});

test("a claim that was applied though its answer was lost is released soon", async () => {
  const world = new FakeWorld();
  const settings = { publish: { onDuplicate: "reject" } } as const;
  const origin = await world.start({ settings });
  origin.registry.trouble = only("claimStream", mute);
  assert.equal(await codeOf(origin.publish(CAM)), "REGISTRY_UNAVAILABLE");
  origin.registry.trouble = fine;
  assert.equal((await origin.registry.listStreams()).length, 1);
  await world.clock.advance(1_100);
  assert.deepEqual(await origin.registry.listStreams(), []);
  await origin.live(CAM);
});

test("a local take-over whose answer was lost leaves the first encoder live and the tokens in line", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const first = await origin.live(CAM);
  origin.registry.trouble = only("claimStream", mute);
  assert.equal(await codeOf(origin.publish(CAM)), "REGISTRY_UNAVAILABLE");
  origin.registry.trouble = fine;
  await world.clock.advance(1_100);
  assert.equal(first.revoked.aborted, false);
  assert.equal((await origin.registry.listStreams())[0]?.token, origin.tokenOf(CAM));
});

test("an encoder that is taken over elsewhere while its claim is answered is told so", async () => {
  const world = new FakeWorld();
  const one = await world.start();
  const two = await world.start({ name: "o2" });
  const answers = slowAnswers();
  one.registry.trouble = only("claimStream", answers.trouble);
  const publish = peek(one.publish(CAM));
  await world.clock.advance(10);
  await two.live(CAM);
  await world.clock.advance(10);
  answers.release();
  await world.clock.advance(0);
  assert.equal(publish.error?.code, "STREAM_TAKEN_OVER");
  assert.equal(one.stateOf(CAM), undefined);
  await world.clock.advance(2_500);
  assert.equal((await one.registry.listStreams())[0]?.origin, "o2");
});

test("a stream whose encoder leaves without players is gone at once, and its record too", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  publication.end("disconnected");
  publication.end("unpublished");
  await world.clock.advance(0);
  assert.equal(origin.stateOf(CAM), undefined);
  assert.deepEqual(await origin.registry.listStreams(), []);
});

test("an encoder that ends its stream ends it for the players", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  const player = await origin.watch(CAM);
  publication.end("unpublished");
  assert.equal(player.fate(), "STREAM_ENDED");
  await world.clock.advance(0);
  assert.deepEqual(await origin.registry.listStreams(), []);
});

test("a release that the registry did not hear is repeated after the next renewal", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  origin.registry.trouble = away;
  publication.end("disconnected");
  await world.clock.advance(1_500);
  origin.registry.trouble = fine;
  assert.equal((await origin.registry.listStreams()).length, 1);
  await world.clock.advance(1_500);
  assert.deepEqual(await origin.registry.listStreams(), []);
});

test("a release that comes late deletes nothing of a newer claim", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const first = await origin.live(CAM);
  const late = held();
  origin.registry.trouble = only("releaseStreams", late.trouble);
  first.end("disconnected");
  await origin.live(CAM);
  late.release();
  await world.clock.advance(0);
  assert.equal((await origin.registry.listStreams())[0]?.token, origin.tokenOf(CAM));
});

test("an encoder that comes back during its own release keeps the players it had", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const first = await origin.live(CAM);
  const player = await origin.watch(CAM);
  const claim = held();
  origin.registry.trouble = only("claimStream", claim.trouble);
  const second = origin.publish(CAM);
  await world.clock.advance(10);
  first.end("disconnected");
  claim.release();
  (await second).source.write(packet("back"));
  assert.deepEqual(player.received, ["back"]);
  assert.equal(origin.stateOf(CAM), "published");
});

test("a new publish is refused while the origin stops", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  await origin.fleet.stop();
  assert.equal(await codeOf(origin.publish(CAM)), "STOPPING");
  assert.equal(await codeOf(origin.play(CAM)), "STOPPING");
});

test("a claim that is granted while the origin stops is not used", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const answers = slowAnswers();
  origin.registry.trouble = only("claimStream", answers.trouble);
  const publish = peek(origin.publish(CAM));
  await world.clock.advance(10);
  const stopped = peek(origin.fleet.stop());
  await world.clock.advance(10);
  answers.release();
  await world.clock.advance(10);
  assert.equal(stopped.pending, false);
  assert.equal(publish.error?.code, "STOPPING");
  assert.deepEqual(await origin.registry.listStreams(), []);
});

test("players of one stream are told that it has ended when the origin stops, encoders are reset", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  const player = FakePlayer.on(origin.channels.open(publication.key));
  await origin.fleet.stop();
  assert.equal((publication.revoked.reason as HoldfastError).code, "STOPPING");
  assert.equal(player.fate(), "STOPPING");
  assert.equal(await origin.registry.sessionTimeLeft("o1"), 0);
  assert.equal(world.store.streams.get(publication.key), undefined);
});
