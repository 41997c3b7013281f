import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { MediaChannels } from "../../src/media/channels.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { openGates } from "../support/fake-gates.ts";
import { HANDSHAKE, mutate, randomFrom, rtmpSession } from "../support/noise.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { settled } from "../support/wire-session.ts";

const ROUNDS = 150;
let rtmp: Awaited<ReturnType<typeof startRtmp>>;

before(async () => {
  rtmp = await startRtmp({}, (config, log) =>
    openGates(new MediaChannels({ clock: systemClock, config, log })),
  );
});
after(() => rtmp.stop());

test("no change to the bytes of a session reaches beyond its connection", async (t) => {
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const [host, port] = rtmp.address.split(":") as [string, string];
  const bystander = await WireClient.open(rtmp.address);
  await bystander.connectTo("live");
  for (let round = 0; round < ROUNDS; round++) {
    const { opening, rest } = rtmpSession(round % 3 !== 0);
    const bytes = Buffer.concat([HANDSHAKE, opening, rest]);
    mutate(bytes, HANDSHAKE.length, random);
    const socket = connect({ host, port: Number(port) });
    socket.on("error", () => undefined).resume();
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + pick(2_000);
      socket.write(bytes.subarray(at, end));
      at = end;
    }
    socket.end();
    await new Promise((resolve) => socket.once("close", resolve));
  }
  await settled(bystander);
  bystander.close();
  await waitFor(() => rtmp.server.sessionCount === 0, { what: "the end of all sessions" });
  const failures = rtmp.lines.filter(({ msg }) => msg === "session failed");
  assert.deepEqual(failures, []);
  assert.equal(rtmp.ends().length, ROUNDS + 1);
  // Most of them got far enough to be worth the trouble.
  assert.ok(rtmp.gates.publishes.length + rtmp.gates.plays.length > ROUNDS / 4);
});
