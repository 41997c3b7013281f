import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notice } from "../../../src/domain/ports/registry.ts";
import { beat, join, own, ownerOf } from "../../contract/fleet-fixture.ts";
import { freePort } from "../../support/free-port.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { SENTINEL_USER, startRedisSentinel } from "../../support/start-redis-sentinel.ts";
import { waitFor } from "../../support/wait.ts";
import { openRegistry, timed } from "./open-registry.ts";

test("a fleet behind a Sentinel goes on after its master died", async (t) => {
  const setup = await startRedisSentinel({ password: "inside", sentinelPassword: "watch" });
  t.after(() => setup.stop());
  // One of the Sentinels in the URL is not there: the others do.
  const url = setup.url.replace("//", `//:inside@127.0.0.1:${await freePort()},`) + "?sentinelPassword=watch";
  const { registry, log } = openRegistry(t, url);
  await registry.connect();
  assert.ok(!registry.address.includes("inside") && !registry.address.includes("watch"));
  const before = await join(registry, "o1", { ttlMs: 60_000 });
  const stream = await own(registry, before);
  const heard: Notice[] = [];
  await registry.onNotice("o1", (notice) => heard.push(notice));
  await waitFor(
    async () => (await redisCli(setup.replica.port, "inside", "GET", "{holdfast}:epoch")).trim() !== "",
  );

  await setup.master.kill();
  const { error, ms } = await timed(registry.heartbeat(before, beat()));
  assert.equal((error as { code?: string }).code, "REGISTRY_UNAVAILABLE");
  assert.ok(ms < 1_000, `${ms} ms`);
  await waitFor(async () => (await setup.masterPort()) === setup.replica.port, {
    within: 30_000,
    what: "the promotion",
  });
  const after = await waitFor(() => join(registry, "o1", { seenToken: stream.token }), {
    within: 20_000,
    what: "a registration at the new master",
  });
  assert.ok(after.epoch > stream.token);
  const [event] = (await registry.recentEvents(1)).slice(-1);
  assert.equal(event?.fields["reason"], "new redis", "a promoted replica is another process");
  await own(registry, after, { policy: "reclaim", formerToken: stream.token });
  const two = await join(registry, "o2");
  await waitFor(
    async () => {
      await own(registry, after);
      await own(registry, two);
      return heard.length > 0;
    },
    { what: "a notice from the new master" },
  );
  assert.equal(await ownerOf(registry), "o2");
  assert.ok(log.some(({ msg }) => msg === "registry connection restored"));
});

test("a master that is cut off from its Sentinel, but not from us, is left when another was made", async (t) => {
  const setup = await startRedisSentinel({ password: "inside" });
  t.after(() => setup.stop());
  const { registry, log } = openRegistry(t, setup.url.replace("//", "//:inside@"));
  await registry.connect();
  const session = await join(registry, "o1");
  const stream = await own(registry, session);
  await waitFor(async () => {
    const replicated = await redisCli(
      setup.replica.port,
      "inside",
      "HGET",
      "{holdfast}:stream:live/cam",
      "token",
    );
    return replicated.trim() === `${stream.token}`;
  });

  await redisCli(setup.master.port, "inside", "ACL", "DELUSER", SENTINEL_USER);
  await waitFor(() => log.some(({ msg }) => msg === "registry master switched"), {
    within: 30_000,
    what: "the word of the Sentinel",
  });
  const role = await redisCli(setup.master.port, "inside", "ROLE");
  assert.match(role, /^master/, "the old master knows nothing of it");
  const after = await waitFor(() => join(registry, "o2"), { what: "a registration" });
  const there = await redisCli(setup.replica.port, "inside", "HGET", "{holdfast}:origin:o2", "epoch");
  assert.equal(there.trim(), `${after.epoch}`, "the new master has it");
  assert.equal(await redisCli(setup.master.port, "inside", "EXISTS", "{holdfast}:origin:o2"), "0\n");
});
