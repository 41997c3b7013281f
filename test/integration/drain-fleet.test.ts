import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { identify } from "../../src/commands/fleet/process-identity.ts";
import type { FlvTag } from "../support/flv-file.ts";
import { MediaLibrary } from "../support/media-library.ts";
import { runHoldfast, type Holdfast } from "../support/run-holdfast.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WirePlayer } from "../support/wire-player.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const DRAIN = { settle: "200ms", encoderGrace: "300ms", deadline: "12s" } as const;
const STREAM = "live/cam";

/** An encoder behind a balancer: dials again whenever its connection breaks, round the addresses. */
class TravellingEncoder {
  readonly #addresses: readonly string[];
  readonly #tags: readonly FlvTag[];
  readonly #stream: string;
  #stopped = false;
  #publisher: WirePublisher | undefined;
  /** Addresses dialled, in order. */
  readonly dialled: string[] = [];

  constructor(stream: string, tags: readonly FlvTag[], ...addresses: readonly string[]) {
    this.#stream = stream;
    this.#addresses = addresses;
    this.#tags = tags;
    void this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#publisher?.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const address = this.#addresses[this.dialled.length % this.#addresses.length] as string;
      this.dialled.push(address);
      this.#publisher = new WirePublisher(address, this.#stream, this.#tags);
      await this.#publisher.exit;
    }
  }
}

const goOn = async (player: WirePlayer, ms: number, what: string) => {
  const from = player.progress ?? 0;
  const gone = () => {
    if (!player.running) throw new Error(`${what}: the player is gone`);
    return (player.progress ?? 0) > from + ms;
  };
  await waitFor(gone, { within: 30_000, what });
};

const neverBack = (player: WirePlayer) => {
  const times = player.tags.filter(({ type }) => type !== 18).map(({ timestamp }) => timestamp);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
    "timestamps never go back",
  );
};

describe("one of three origins drains while its stream is played at all of them", () => {
  const library = new MediaLibrary();
  let fleet: TestFleet;
  let [a, b, c]: TestOrigin[] = [];
  let encoder: TravellingEncoder;
  let players: WirePlayer[] = [];
  let drained: Promise<string>;
  let began: number;

  before(async () => {
    fleet = await startFleet({ origins: 3, config: { drain: DRAIN } });
    [a, b, c] = fleet.origins as [TestOrigin, TestOrigin, TestOrigin];
    const tags = await library.get({ video: "h264", audio: "aac" });
    encoder = new TravellingEncoder(STREAM, tags, a.at.rtmp, b.at.rtmp);
    await fleet.owned(STREAM, a);
    players = [a, b, c].map(({ at }) => new WirePlayer(at.rtmp, STREAM));
    for (const player of players) await goOn(player, 500, "media before the drain");
    began = performance.now();
    drained = a.origin.drain();
  });
  after(async () => {
    await encoder?.stop();
    await Promise.all(players.map((player) => player.stop()));
    await fleet?.stop();
    await library.close();
  });

  test("it says so at once", async () => {
    const answer = await waitFor(async () => {
      const { origins } = (await (await fetch(`http://${b?.at.api}/api/fleet/v1/origins`)).json()) as {
        origins: { name: string; state: string }[];
      };
      return origins.find(({ name, state }) => name === "o1" && state === "draining");
    });
    assert.ok(answer);
    assert.ok(performance.now() - began < 5_000);
  });

  test("its encoder comes back through another one, and every player goes on", async () => {
    await fleet.owned(STREAM, b as TestOrigin);
    for (const player of players) await goOn(player, 2_000, "media after the move");
    for (const player of players) neverBack(player);
    assert.deepEqual(encoder.dialled, [a?.at.rtmp, b?.at.rtmp]);
    assert.deepEqual(
      [a, b, c].map((one) => one?.origin.streams()[0]?.state),
      ["relayed", "published", "relayed"],
    );
  });

  test("its own players are let go at the deadline, the others stay, and its record is gone", async () => {
    assert.equal(await drained, "deadline");
    assert.ok(performance.now() - began >= 12_000);
    assert.equal(players[0]?.running, true);
    await a?.origin.stop();
    assert.equal((await players[0]?.exit)?.code, 0, "told of the end");
    const { origins } = (await (await fetch(`http://${b?.at.api}/api/fleet/v1/origins`)).json()) as {
      origins: { name: string }[];
    };
    assert.deepEqual(
      origins.map(({ name }) => name),
      ["o2", "o3"],
    );
    for (const player of players.slice(1)) await goOn(player, 1_000, "media after the end of o1");
  });
});

describe("holdfast serve", () => {
  const library = new MediaLibrary();
  let fleet: TestFleet;
  let other: TestOrigin;
  let home: string;

  before(async () => {
    fleet = await startFleet({ origins: 1 });
    [other] = fleet.origins as [TestOrigin];
    home = await mkdtemp(join(tmpdir(), "holdfast-drain-"));
  });
  after(async () => {
    await fleet?.stop();
    await library.close();
    if (home) await rm(home, { recursive: true, force: true });
  });

  /** An origin in a process of its own, with an encoder. */
  async function serve(t: TestContext, name: string, env: Record<string, string> = {}) {
    const ports = ["--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];
    const holdfast = runHoldfast(
      ["serve", "--name", name, "--bind", "127.0.0.1", ...ports, "--redis-url", fleet.redis.url],
      {
        home,
        env: {
          HOLDFAST_CLUSTER__KEY: fleet.clusterKey,
          HOLDFAST_DRAIN__SETTLE: "200ms",
          HOLDFAST_DRAIN__ENCODER_GRACE: "300ms",
          ...env,
        },
      },
    );
    t.after(() => holdfast.kill());
    const rtmp = await waitFor(() => /"rtmp":"([^"]+)".*origin started/.exec(holdfast.said.stderr)?.[1], {
      within: 30_000,
      what: "the origin in its own process",
    });
    const tags = await library.get({ video: "h264", audio: "aac" });
    const encoder = new TravellingEncoder(`live/${name}`, tags, rtmp, other.at.rtmp);
    t.after(() => encoder.stop());
    await waitFor(async () => (await fleet.ownerOf(`live/${name}`))?.origin === name, { within: 20_000 });
    return { holdfast, encoder, rtmp };
  }

  const said = ({ said: { stderr } }: Holdfast, message: string) => stderr.includes(message);
  const names = async () => {
    const answer = await fetch(`http://${other.at.api}/api/fleet/v1/origins`);
    return ((await answer.json()) as { origins: { name: string }[] }).origins.map(({ name }) => name);
  };

  test("SIGTERM moves the encoder, lets the last player leave and ends with 0", async (t) => {
    const { holdfast, rtmp } = await serve(t, "leaver");
    const player = new WirePlayer(rtmp, "live/leaver");
    t.after(() => player.stop());
    await goOn(player, 500, "media before the signal");
    const { pid = 0 } = holdfast.child;
    holdfast.child.kill("SIGTERM");
    await fleet.owned("live/leaver", other);
    await goOn(player, 1_000, "media after the move");
    assert.equal(holdfast.child.exitCode, null, "it waits for its player");
    await player.stop();
    const { code, signal, stderr } = await holdfast.ended;
    assert.deepEqual([code, signal], [0, null], stderr);
    assert.match(stderr, /"how":"empty"/);
    assert.equal(identify(pid), undefined);
    assert.deepEqual(await names(), ["o1"]);
  });

  test("a second signal ends it in the middle of a drain", async (t) => {
    const { holdfast, rtmp } = await serve(t, "hasty", { HOLDFAST_DRAIN__ENCODER_GRACE: "10s" });
    const player = new WirePlayer(rtmp, "live/hasty");
    t.after(() => player.stop());
    await goOn(player, 500, "media before the signal");
    holdfast.child.kill("SIGINT");
    await waitFor(() => said(holdfast, "drain began"), { within: 20_000 });
    assert.equal((await fleet.ownerOf("live/hasty"))?.origin, "hasty");
    holdfast.child.kill("SIGINT");
    const { code, stderr } = await holdfast.ended;
    assert.equal(code, 130);
    assert.match(stderr, /SIGINT again: ending at once/);
  });

  test("while Redis is away it ends at the deadline, and its encoder is kept until then", async (t) => {
    const { holdfast, encoder, rtmp } = await serve(t, "cut", { HOLDFAST_DRAIN__DEADLINE: "3s" });
    const player = new WirePlayer(rtmp, "live/cut");
    t.after(() => player.stop());
    await goOn(player, 500, "media before the signal");
    await fleet.redis.kill();
    const began = performance.now();
    holdfast.child.kill("SIGTERM");
    await goOn(player, 1_500, "media while Redis is away");
    assert.equal(encoder.dialled.length, 1);
    const { code, stderr } = await holdfast.ended;
    assert.equal(code, 0, stderr);
    assert.ok(performance.now() - began > 2_900);
    assert.match(stderr, /"how":"deadline"/);
  });
});
