import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigInput } from "../../../src/config/schema.ts";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import type { Publication } from "../../../src/fleet/gates.ts";
import { packet, type FakePlayer } from "../../support/fake-channels.ts";
import { codeOf, FakeWorld, type FakeOrigin } from "../../support/fake-fleet.ts";
import { FakeNetwork } from "../../support/fake-network.ts";
import { away, fine, only, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = "live/cam";
const STANDBY = { publish: { onDuplicate: "standby" } } as const;

/** An encoder that sends in real time while it is on. */
class Camera {
  on = true;
  readonly name: string;
  readonly publication: Publication;

  constructor(name: string, publication: Publication) {
    this.name = name;
    this.publication = publication;
  }

  get kept(): boolean {
    return !this.publication.revoked.aborted && !this.publication.source.closed.aborted;
  }
}

/** Three origins that can reach each other, and the cameras that publish to them. */
class Scene {
  readonly world = new FakeWorld();
  readonly network = new FakeNetwork();
  readonly cameras: Camera[] = [];
  readonly origins: FakeOrigin[] = [];

  static async set(...settings: ConfigInput[]): Promise<Scene> {
    const scene = new Scene();
    for (const [i, name] of ["a", "b", "c"].entries()) {
      const mine = settings[i] ?? settings[0] ?? {};
      const origin = await scene.world.start({ name, settings: mine, dialer: scene.network.dialer });
      scene.network.plug(origin);
      scene.origins.push(origin);
    }
    return scene;
  }

  get a(): FakeOrigin {
    return this.origins[0] as FakeOrigin;
  }
  get b(): FakeOrigin {
    return this.origins[1] as FakeOrigin;
  }
  get c(): FakeOrigin {
    return this.origins[2] as FakeOrigin;
  }

  async publish(name: string, origin: FakeOrigin, query = ""): Promise<Camera> {
    const publication = await origin.fleet.publish.publish({
      ...{ key: parseStreamKey(CAM), query, left: new AbortController().signal },
      client: origin.client({ address: name }),
    });
    const camera = new Camera(name, publication);
    this.cameras.push(camera);
    await this.pass(100);
    return camera;
  }

  async watch(origin: FakeOrigin): Promise<FakePlayer> {
    const watching = origin.watch(CAM);
    await this.pass(200);
    const player = await watching;
    await this.pass(100);
    return player;
  }

  /** One player at each origin. */
  async watchAll(): Promise<FakePlayer[]> {
    const players = [];
    for (const origin of this.origins) players.push(await this.watch(origin));
    return players;
  }

  /** Let time pass; every camera that is on sends ten times a second. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      for (const { on, name, publication } of this.cameras) if (on) publication.source.write(packet(name));
      await this.world.clock.advance(Math.min(100, left));
    }
  }

  get states(): (string | undefined)[] {
    return this.origins.map((origin) => origin.stateOf(CAM));
  }

  get reasons(): string[] {
    return this.world.store
      .events()
      .filter(({ type }) => type === "switched")
      .map(({ fields }) => `${fields["publisher"]}: ${fields["reason"]}`);
  }
}

for (const where of ["the same origin", "another origin"] as const) {
  const other = (scene: Scene) => (where === "another origin" ? scene.b : scene.a);

  test(`a second encoder at ${where} is accepted and feeds nobody`, async () => {
    const scene = await Scene.set(STANDBY);
    await scene.publish("one", scene.a);
    const player = await scene.watch(scene.a);
    const two = await scene.publish("two", other(scene));
    await scene.pass(3_000);
    assert.ok(two.kept);
    assert.deepEqual(new Set(player.received), new Set(["one"]));
    const report = other(scene).fleet.streams()[0];
    assert.deepEqual(report?.standbys, [{ publisher: "two", ready: true }]);
    assert.deepEqual(scene.reasons, []);
  });

  test(`when the first is gone, players go on with the one at ${where}`, async () => {
    const scene = await Scene.set(STANDBY);
    const one = await scene.publish("one", scene.a);
    const two = await scene.publish("two", other(scene));
    const players = await scene.watchAll();
    const token = scene.a.tokenOf(CAM);
    one.on = false;
    one.publication.end("disconnected");
    await scene.pass(1_000);
    for (const player of players) {
      assert.equal(player.fate(), "playing");
      assert.equal(player.received.at(-1), "two");
    }
    assert.ok(two.kept);
    assert.ok(other(scene).tokenOf(CAM) > token);
    assert.deepEqual(scene.reasons, ["two: gone"]);
    assert.equal(scene.world.store.streams.get(parseStreamKey(CAM))?.publisher, "two");
  });

  test(`when the first stalls, the one at ${where} goes on, and gives way after it is steady again`, async () => {
    const scene = await Scene.set(STANDBY);
    const one = await scene.publish("one", scene.a);
    await scene.publish("two", other(scene));
    const players = await scene.watchAll();
    one.on = false;
    await scene.pass(1_500);
    assert.equal(players[2]?.received.at(-1), "one");
    await scene.pass(1_500);
    for (const player of players) assert.equal(player.received.at(-1), "two");
    assert.ok(one.kept, "it stands by");
    one.on = true;
    await scene.pass(9_000);
    for (const player of players) assert.equal(player.received.at(-1), "two");
    await scene.pass(2_000);
    for (const player of players) {
      assert.equal(player.fate(), "playing");
      assert.equal(player.received.at(-1), "one");
    }
    assert.deepEqual(scene.reasons, ["two: stalled", "one: preferred"]);
    assert.ok(scene.cameras.every(({ kept }) => kept));
  });

  test(`a goodbye of the first ends nothing while one stands by at ${where}`, async () => {
    const scene = await Scene.set(STANDBY);
    const one = await scene.publish("one", scene.a);
    const two = await scene.publish("two", other(scene));
    const players = await scene.watchAll();
    one.on = false;
    one.publication.end("unpublished");
    await scene.pass(1_500);
    for (const player of players) {
      assert.equal(player.fate(), "playing");
      assert.equal(player.received.at(-1), "two");
    }
    two.on = false;
    two.publication.end("unpublished");
    await scene.pass(2_500);
    for (const player of players) assert.equal(player.fate(), "STREAM_ENDED");
    assert.deepEqual(scene.states, [undefined, undefined, undefined]);
    assert.equal(scene.world.store.streams.get(parseStreamKey(CAM)), undefined);
  });

  test(`an encoder that stutters brings no change back and forth with the one at ${where}`, async () => {
    const scene = await Scene.set(STANDBY);
    const one = await scene.publish("one", scene.a);
    await scene.publish("two", other(scene));
    for (let round = 0; round < 12; round++) {
      one.on = round % 2 === 1;
      await scene.pass(5_000);
    }
    assert.deepEqual(scene.reasons, ["two: stalled"]);
  });

  test(`one that fails again soon after its return waits twice as long the next time, at ${where}`, async () => {
    const scene = await Scene.set(STANDBY);
    const one = await scene.publish("one", scene.a);
    await scene.publish("two", other(scene));
    one.on = false;
    await scene.pass(3_000);
    one.on = true;
    await scene.pass(11_000);
    assert.equal(scene.reasons.at(-1), "one: preferred");
    const pauses: number[] = [];
    for (let round = 0; round < 3; round++) {
      const back = scene.world.clock.monotonic();
      one.on = false;
      await scene.pass(3_000);
      one.on = true;
      while (scene.reasons.at(-1) !== "one: preferred") await scene.pass(100);
      pauses.push(Math.round((scene.world.clock.monotonic() - back) / 1_000));
    }
    assert.deepEqual(pauses, [13, 20, 40]);
  });
}

test("with prefer last the newest steady encoder feeds the stream", async () => {
  const scene = await Scene.set({ publish: { onDuplicate: "standby", prefer: "last" } });
  await scene.publish("one", scene.a);
  await scene.publish("two", scene.b);
  await scene.pass(9_000);
  assert.deepEqual(scene.reasons, []);
  await scene.pass(2_000);
  assert.deepEqual(scene.reasons, ["two: preferred"]);
  await scene.pass(30_000);
  assert.deepEqual(scene.reasons, ["two: preferred"]);
});

test("an encoder that calls itself the backup stands behind one that comes back", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  await scene.publish("spare", scene.b, "token=x&backup=1");
  one.on = false;
  one.publication.end("disconnected");
  await scene.pass(2_000);
  await scene.publish("one again", scene.c);
  await scene.pass(11_000);
  assert.deepEqual(scene.reasons, ["spare: gone", "one again: preferred"]);
});

test("origins that prefer differently never take a stream from each other for ever", async () => {
  const scene = await Scene.set(STANDBY, { publish: { onDuplicate: "standby", prefer: "last" } });
  await scene.publish("one", scene.a);
  await scene.publish("two", scene.b);
  await scene.pass(120_000);
  assert.deepEqual(scene.reasons, ["two: preferred"]);
});

test("of several standbys the preferred one that delivers goes on", async () => {
  const scene = await Scene.set(STANDBY);
  const cameras = [];
  for (const name of ["one", "two", "three", "four"]) cameras.push(await scene.publish(name, scene.a));
  const [one, two] = cameras;
  assert.ok(one && two);
  two.on = false;
  await scene.pass(2_500);
  one.on = false;
  one.publication.end("disconnected");
  await scene.pass(200);
  assert.deepEqual(scene.reasons, ["three: gone"]);
});

test("no more than publish.standbys stand by at one origin", async () => {
  const scene = await Scene.set({ publish: { onDuplicate: "standby", standbys: 2 } });
  for (const name of ["one", "two", "three"]) await scene.publish(name, scene.a);
  const refused = scene.a.publish(CAM);
  assert.equal(await codeOf(refused), "STREAM_NAME_TAKEN");
  await assert.rejects(refused, /2 other encoders stand by for it at this origin/);
  await scene.publish("elsewhere", scene.b);
});

test("an owner that dies is followed by an encoder that stands by elsewhere", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  await scene.publish("two", scene.b);
  const player = await scene.watch(scene.c);
  one.on = false;
  scene.network.unplug(scene.a);
  scene.a.registry.deaf = true;
  scene.a.registry.trouble = () => new Promise(() => {});
  scene.a.clock.pause();
  scene.network.cut("a");
  await scene.pass(7_000);
  assert.equal(player.fate(), "playing");
  assert.equal(player.received.at(-1), "two");
  assert.deepEqual(scene.reasons, ["two: gone"]);
});

test("while the registry is away an encoder here goes on at once, and one elsewhere waits", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  const two = await scene.publish("two", scene.a);
  await scene.publish("three", scene.b);
  const players = [await scene.watch(scene.a), await scene.watch(scene.b)];
  for (const { registry } of scene.origins) registry.trouble = away;
  one.on = false;
  one.publication.end("disconnected");
  await scene.pass(1_000);
  for (const player of players) assert.equal(player.received.at(-1), "two");
  two.on = false;
  await scene.pass(4_000);
  for (const player of players) assert.equal(player.received.at(-1), "two");
  for (const { registry } of scene.origins) registry.trouble = fine;
  await scene.pass(4_000);
  for (const player of players) {
    assert.equal(player.fate(), "playing");
    assert.equal(player.received.at(-1), "three");
  }
  assert.equal(scene.states[1], "published");
});

test("after the registry's return its record names the encoder that went on", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  await scene.publish("two", scene.a);
  scene.a.registry.trouble = away;
  one.on = false;
  one.publication.end("disconnected");
  await scene.pass(8_000);
  scene.a.registry.trouble = fine;
  await scene.pass(3_000);
  const record = scene.world.store.streams.get(parseStreamKey(CAM));
  assert.deepEqual([record?.publisher, record?.origin, record?.stalled], ["two", "a", false]);
  assert.equal(scene.a.tokenOf(CAM), record?.token);
});

test("a player that comes where an encoder stands by is served by the owner", async () => {
  const scene = await Scene.set(STANDBY);
  await scene.publish("one", scene.a);
  await scene.publish("two", scene.b);
  assert.equal(scene.states[1], "standby");
  const player = await scene.watch(scene.b);
  assert.equal(player.received.at(-1), "one");
  assert.equal(scene.states[1], "relayed");
  player.leave();
  await scene.pass(11_000);
  assert.equal(scene.states[1], "standby", "the encoder is still there");
  const answer = await scene.b.play(CAM, { client: scene.b.client({ protocol: "http-flv" }) });
  assert.equal(answer.kind, "redirect", "as anywhere that has no such stream");
});

test("an origin that takes over takes from one with standbys, which keeps them", async () => {
  const scene = await Scene.set(STANDBY, {});
  const one = await scene.publish("one", scene.a);
  const two = await scene.publish("two", scene.b);
  const player = await scene.watch(scene.a);
  assert.equal(player.received.at(-1), "two");
  assert.ok(one.kept);
  assert.equal(scene.states[0], "relayed");
  await scene.pass(15_000);
  assert.equal(player.received.at(-1), "two", "it gives way to nobody");
  two.on = false;
  two.publication.end("disconnected");
  await scene.pass(1_000);
  assert.equal(player.received.at(-1), "one");
  assert.deepEqual(scene.reasons, ["one: gone"]);
});

test("a goodbye at an origin without standbys ends nothing where one stands by", async () => {
  const scene = await Scene.set(STANDBY, {});
  const one = await scene.publish("one", scene.a);
  const two = await scene.publish("two", scene.b);
  const player = await scene.watch(scene.a);
  two.on = false;
  two.publication.end("unpublished");
  await scene.pass(1_000);
  assert.ok(one.kept);
  assert.equal(player.fate(), "playing");
  assert.equal(player.received.at(-1), "one");
});

test("at an origin that rejects, a second encoder is refused whoever owns the stream", async () => {
  const scene = await Scene.set(STANDBY, { publish: { onDuplicate: "reject" } });
  await scene.publish("one", scene.a);
  assert.equal(await codeOf(scene.b.publish(CAM)), "STREAM_NAME_TAKEN");
});

test("an encoder that never sends anything gives way, and is not gone on with", async () => {
  const scene = await Scene.set(STANDBY);
  const mute = await scene.publish("mute", scene.a);
  mute.on = false;
  const two = await scene.publish("two", scene.b);
  await scene.pass(3_000);
  assert.deepEqual(scene.reasons, ["two: stalled"]);
  two.on = false;
  two.publication.end("disconnected");
  await scene.pass(3_000);
  assert.deepEqual(scene.reasons, ["two: stalled"]);
  mute.on = true;
  await scene.pass(500);
  assert.deepEqual(scene.reasons, ["two: stalled", "mute: gone"]);
});

test("without players and without a standby a stream that stalls stays with its owner", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  one.on = false;
  await scene.pass(3_000);
  const record = () => scene.world.store.streams.get(parseStreamKey(CAM));
  assert.equal(record()?.stalled, true);
  one.on = true;
  await scene.pass(300);
  assert.equal(record()?.stalled, false);
  assert.equal(scene.states[0], "published");
});

test("a stream of an origin that drains goes on at once with an encoder that stands by elsewhere", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  await scene.publish("two", scene.a);
  await scene.publish("three", scene.b);
  const players = await scene.watchAll();
  void scene.a.fleet.drain.begin();
  await scene.pass(2_500);
  assert.deepEqual(scene.reasons, ["three: stalled"]);
  assert.ok(one.kept, "before its own encoder is told to go");
  for (const player of players) assert.equal(player.received.at(-1), "three");
  await scene.pass(15_000);
  assert.deepEqual(scene.reasons, ["three: stalled"]);
  for (const player of players.slice(1)) assert.equal(player.fate(), "playing");
});

test("an origin that drains takes no stream for an encoder that stands by there", async () => {
  const scene = await Scene.set({ publish: { onDuplicate: "standby", prefer: "last" } });
  const one = await scene.publish("one", scene.a);
  await scene.publish("two", scene.b);
  await scene.pass(9_000);
  void scene.b.fleet.drain.begin();
  await scene.pass(2_500);
  assert.deepEqual(scene.reasons, [], "not because it is preferred");
  one.on = false;
  one.publication.end("disconnected");
  await scene.pass(2_000);
  assert.deepEqual(scene.reasons, [], "nor because nobody else is there");
});

test("encoders that are reset together do not go on for each other", async () => {
  const scene = await Scene.set(STANDBY);
  await scene.publish("one", scene.a);
  await scene.publish("two", scene.a);
  const channel = scene.a.channels.open(parseStreamKey(CAM));
  const before = channel.sources.length;
  void scene.a.fleet.drain.begin();
  await scene.pass(7_500);
  assert.ok(scene.cameras.every(({ kept }) => !kept));
  assert.equal(channel.sources.length, before, "nothing else has fed it");
  assert.deepEqual(scene.reasons, []);
});

test("an encoder that leaves while its claim is being answered is not gone on with", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  const two = await scene.publish("two", scene.b);
  await scene.publish("three", scene.b);
  const player = await scene.watch(scene.c);
  const answers = slowAnswers();
  scene.b.registry.trouble = only("claimStream", answers.trouble);
  one.on = false;
  one.publication.end("disconnected");
  await scene.pass(300);
  assert.deepEqual(scene.reasons, ["two: gone"]);
  two.on = false;
  two.publication.end("disconnected");
  await scene.pass(100);
  answers.release();
  await scene.pass(1_000);
  assert.equal(player.fate(), "playing");
  assert.equal(player.received.at(-1), "three");
  assert.deepEqual(scene.reasons, ["two: gone", "three: gone"]);
});

test("a preferred encoder that comes too soon asks when its time has come, not with every keyframe", async () => {
  const scene = await Scene.set(STANDBY);
  const one = await scene.publish("one", scene.a);
  await scene.publish("two", scene.b);
  const fail = async () => {
    one.on = false;
    await scene.pass(3_000);
    one.on = true;
    await scene.pass(10_500);
  };
  await fail();
  await fail();
  assert.equal(scene.reasons.at(-1), "one: preferred");
  await fail();
  assert.equal(scene.reasons.at(-1), "two: stalled");
  const { calls } = scene.a.registry;
  calls.length = 0;
  await scene.pass(5_000);
  assert.deepEqual(
    calls.filter((call) => call === "claimStream"),
    [],
  );
  await scene.pass(5_000);
  assert.equal(scene.reasons.at(-1), "one: preferred");
});

test("when an origin stops, those that stand by are told to go, too", async () => {
  const scene = await Scene.set(STANDBY);
  await scene.publish("one", scene.a);
  const two = await scene.publish("two", scene.a);
  const three = await scene.publish("three", scene.b);
  await scene.a.fleet.stop();
  assert.equal((two.publication.revoked.reason as HoldfastError).code, "STOPPING");
  await scene.pass(1_000);
  assert.ok(three.kept);
  assert.equal(scene.states[1], "published");
  await scene.b.fleet.stop();
  assert.equal((three.publication.revoked.reason as HoldfastError).code, "STOPPING");
});

test("nothing is left of a stream when all its encoders have gone", async () => {
  const scene = await Scene.set(STANDBY);
  const cameras = [await scene.publish("one", scene.a), await scene.publish("two", scene.b)];
  for (const camera of [...cameras].reverse()) {
    camera.on = false;
    camera.publication.end("disconnected");
  }
  await scene.pass(2_000);
  assert.deepEqual(scene.states, [undefined, undefined, undefined]);
  assert.deepEqual(
    scene.origins.map(({ channels }) => channels.all().length),
    [0, 0, 0],
  );
  assert.equal(scene.world.store.streams.get(parseStreamKey(CAM)), undefined);
});
