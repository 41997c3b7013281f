import assert from "node:assert/strict";
import { after, test } from "node:test";
import pino from "pino";
import { systemClock } from "../../src/ops/clock.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { packet, type FakePlayer } from "../support/fake-channels.ts";
import { codeOf, FakeWorld, type FakeOrigin } from "../support/fake-fleet.ts";
import { FakeNetwork } from "../support/fake-network.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";

const CAM = "live/cam";
const QUICK = { ttl: "1500ms", renewEvery: "300ms" };
const PATIENT = { ttl: "10s", renewEvery: "200ms" };
const log = pino({ level: "silent" });

interface Scene {
  readonly redis: TestRedis;
  readonly owner: FakeOrigin;
  readonly other: FakeOrigin;
  /** At the owner, and at the other origin. */
  readonly players: readonly FakePlayer[];
  /** Send a packet, and wait until every player has it. */
  flow(text: string): Promise<void>;
}

/** Two origins with one live stream, over a Redis that the test may break. */
async function scene(lease: { ttl: string; renewEvery: string } = QUICK): Promise<Scene> {
  const redis = await startRedis();
  const network = new FakeNetwork();
  const world = new FakeWorld();
  const timeouts = { commandTimeoutMs: 300, connectTimeoutMs: 300 };
  const start = async (name: string) => {
    const { url } = redis;
    const registry = createRedisRegistry({ url, prefix: "{t}", ...timeouts, log, clock: systemClock });
    const settings = { lease, relay: { stallTimeout: "1m" } } as const;
    const origin = world.origin({ name, registry, clock: systemClock, settings, dialer: network.dialer });
    network.plug(origin);
    await registry.connect();
    await origin.fleet.start();
    after(async () => {
      await origin.fleet.stop();
      await registry.close();
    });
    return origin;
  };
  const [owner, other] = [await start("owner"), await start("other")];
  after(() => redis.stop());
  const publication = await owner.live(CAM);
  const joining = other.watch(CAM);
  await waitFor(() => network.links.size === 1, { what: "the relay" });
  publication.source.write(packet("start"));
  const players = [await owner.watch(CAM), await joining];
  const flow = async (text: string) => {
    assert.equal(publication.revoked.aborted, false);
    publication.source.write(packet(text));
    await waitFor(() => players.every((player) => player.received.at(-1) === text), {
      what: `"${text}" everywhere`,
    });
  };
  await flow("all well");
  return { redis, owner, other, players, flow };
}

async function ownerOf(
  origin: FakeOrigin,
): Promise<{ origin: string; token: number; epoch: number } | undefined> {
  return (await origin.registry.listStreams())[0];
}

function bothLive({ owner, other }: Scene): boolean {
  return owner.fleet.session.live && other.fleet.session.live;
}

test("a Redis that is replaced by an empty one: media flows on, and everything is registered again", async () => {
  const all = await scene();
  const { redis, owner, other, flow } = all;
  const before = await ownerOf(owner);
  assert.ok(before);
  await redis.kill();
  await waitFor(() => !owner.fleet.session.live && !other.fleet.session.live, { what: "the self-fence" });
  await flow("without Redis");
  assert.equal(await codeOf(owner.publish("live/new")), "REGISTRY_UNAVAILABLE");
  assert.equal(await codeOf(other.play("live/unknown")), "REGISTRY_UNAVAILABLE");
  assert.equal((await other.play(CAM)).kind, "serve");
  const again = await startRedis({ port: redis.port });
  after(() => again.stop());
  await waitFor(() => bothLive(all), { what: "the new sessions" });
  const now = await waitFor(() => ownerOf(other), { what: "the stream's record" });
  assert.equal(now.origin, "owner");
  assert.ok(now.epoch > before.epoch && now.token > before.token);
  await flow("Redis is back");
  await owner.live("live/new");
});

test("a Redis that hangs for less than the time to live costs no session", async () => {
  const all = await scene(PATIENT);
  const { redis, owner, other, flow } = all;
  const epochs = [owner, other].map(({ fleet }) => fleet.session.ref?.epoch);
  redis.pause();
  const paused = performance.now();
  await flow("while Redis hangs");
  await waitFor(() => performance.now() - paused > 500);
  redis.resume();
  await waitFor(async () => (await ownerOf(other)) !== undefined, { what: "an answer" });
  await waitFor(() => bothLive(all));
  assert.deepEqual(
    [owner, other].map(({ fleet }) => fleet.session.ref?.epoch),
    epochs,
  );
  await flow("Redis is back");
});

test("a Redis that hangs for longer fences the origins before their sessions end, and they register anew", async () => {
  const all = await scene();
  const { redis, owner, other, flow } = all;
  const before = await ownerOf(owner);
  redis.pause();
  await waitFor(() => !owner.fleet.session.live && !other.fleet.session.live, { what: "the self-fence" });
  await flow("while Redis hangs");
  redis.resume();
  await waitFor(() => bothLive(all), { what: "the new sessions" });
  await waitFor(async () => ((await ownerOf(other))?.token ?? 0) > (before?.token ?? 0), {
    what: "the reclaim",
  });
  assert.equal((await ownerOf(other))?.token, owner.tokenOf(CAM));
  await flow("Redis is back");
});
