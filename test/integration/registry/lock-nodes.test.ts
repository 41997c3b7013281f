import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../../src/config/schema.ts";
import { leaseOf, PLANNER_LEASE } from "../../../src/domain/ingest.ts";
import { createOrigin } from "../../../src/origin.ts";
import { createRedisRegistry } from "../../../src/registry/redis-registry.ts";
import { define } from "../../contract/ingests.contract.ts";
import { join, KEY, wish } from "../../contract/fleet-fixture.ts";
import { freePort } from "../../support/free-port.ts";
import { startRedis, type TestRedis } from "../../support/start-redis.ts";
import { waitFor } from "../../support/wait.ts";
import {
  byHand,
  connectLeases,
  grantOf,
  KEY_NAME,
  NAME,
  one,
  openLeases,
  startServers,
  two,
  VALUE_OF_ONE,
  valuesOf,
} from "./open-leases.ts";
import { PREFIX } from "./open-registry.ts";

const LONG = 60_000;
const urlsOf = (servers: readonly TestRedis[]) => servers.map(({ url }) => url);

test("redis-cli shows on every node who holds a lease, and that one is reserved", async (t) => {
  const servers = await startServers(t, 3);
  const leases = await connectLeases(t, servers);
  const lease = await grantOf(leases, one, LONG);
  await grantOf(leases, two, LONG, PLANNER_LEASE);
  const all = (value: string) => async (key: string) =>
    (await valuesOf(servers, key)).every((held) => held === value);
  await waitFor(() => all(VALUE_OF_ONE)(KEY_NAME));
  await waitFor(() => all("o2@12#102")(`${PREFIX}:planner`));
  await leases.release(lease, { origin: "o2", ms: LONG });
  await waitFor(() => all("reserved:o2")(KEY_NAME));
});

test("a lease that is given back at once is left on no node, however slow one is", async (t) => {
  const servers = await startServers(t, 3);
  const leases = await connectLeases(t, servers);
  const [slow] = servers.slice(-1) as [TestRedis];
  // What is asked first waits for the node's time, and so is sent later than what is asked next.
  slow.pause();
  const lease = await grantOf(leases, one, LONG);
  await leases.release(lease, { origin: "o2", ms: LONG });
  slow.resume();
  await waitFor(async () => (await valuesOf([slow], KEY_NAME))[0] !== "", {
    what: "what the slow node was told",
  });
  const refused = async () => leases.acquire(NAME, { ...one, token: one.token + 1 }, LONG);
  for (let round = 0; round < 5; round++) assert.deepEqual(await refused(), { outcome: "held", by: "o2" });
  assert.deepEqual(await valuesOf(servers, KEY_NAME), ["reserved:o2", "reserved:o2", "reserved:o2"]);
});

test("five nodes do without any two", async (t) => {
  const servers = await startServers(t, 5);
  const leases = await connectLeases(t, servers);
  await Promise.all(servers.slice(0, 2).map((server) => server.kill()));
  const lease = await grantOf(leases, one, LONG);
  assert.equal(await leases.extend(lease, LONG), "extended");
  assert.deepEqual((await leases.inspect(NAME))?.holder, one);
  await servers[2]?.kill();
  await assert.rejects(leases.extend(lease, LONG), { code: "REGISTRY_UNAVAILABLE" });
});

test("a minority that is away at the start is a warning, and is used when it comes", async (t) => {
  const servers = await startServers(t, 2);
  const port = await freePort();
  const urls = [...urlsOf(servers), `redis://127.0.0.1:${port}`];
  const { leases, log } = openLeases(t, urls);
  await leases.connect();
  const warning = log.find(({ msg }) => msg === "lock node not reached");
  assert.match(JSON.stringify(warning), new RegExp(`127\\.0\\.0\\.1:${port}`));
  const lease = await grantOf(leases, one, LONG);
  const late = await startRedis({ port });
  t.after(() => late.stop());
  await waitFor(
    async () => {
      assert.equal(await leases.extend(lease, LONG), "extended");
      return (await valuesOf([late]))[0] === VALUE_OF_ONE;
    },
    { what: "the lease at the late node", within: 20_000 },
  );
});

test("a majority that is away at the start is waited for", async (t) => {
  const servers = await startServers(t, 1);
  const ports = [await freePort(), await freePort()];
  const { leases } = openLeases(t, [...urlsOf(servers), ...ports.map((port) => `redis://127.0.0.1:${port}`)]);
  await assert.rejects(leases.connect(), { code: "REGISTRY_UNAVAILABLE" });
  const late = await startRedis({ port: ports[0] as number });
  t.after(() => late.stop());
  await waitFor(() => leases.connect().then(() => true), { within: 20_000 });
  await grantOf(leases, one, LONG);
});

test("a node that may throw leases away is refused", async (t) => {
  const servers = await startServers(t, 2);
  const evicting = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru", "--maxmemory", "50mb"] });
  t.after(() => evicting.stop());
  const { leases } = openLeases(t, urlsOf([...servers, evicting]));
  await assert.rejects(leases.connect(), {
    code: "REGISTRY_REFUSED",
    message: /maxmemory-policy allkeys-lru/,
  });
});

test("a replica is refused as a node", async (t) => {
  const servers = await startServers(t, 2);
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", `${servers[0]?.port}`] });
  t.after(() => replica.stop());
  const { leases } = openLeases(t, urlsOf([...servers, replica]));
  await assert.rejects(leases.connect(), {
    code: "REGISTRY_REFUSED",
    message: /redis\.lockNodes must lead to the master/,
  });
});

test("two names for one server are refused", async (t) => {
  const servers = await startServers(t, 2);
  const { leases } = openLeases(t, [...urlsOf(servers), `redis://localhost:${servers[0]?.port}/3`]);
  await assert.rejects(leases.connect(), { code: "CONFIG_INVALID", message: /are the same server/ });
});

test("a node that comes back unfit has no vote", async (t) => {
  const servers = await startServers(t, 3);
  const { leases, log } = openLeases(t, urlsOf(servers));
  await leases.connect();
  const [first] = servers as [TestRedis];
  await first.kill();
  const unfit = await startRedis({ port: first.port, args: ["--maxmemory-policy", "allkeys-lru"] });
  t.after(() => unfit.stop());
  await waitFor(() => log.some(({ msg }) => msg === "lock node not used"), { within: 20_000 });
  const lease = await grantOf(leases, one, LONG);
  assert.equal(await leases.extend(lease, LONG), "extended");
  assert.deepEqual(await valuesOf([unfit]), [null]);
  await servers[1]?.kill();
  await assert.rejects(leases.extend(lease, LONG), { code: "REGISTRY_UNAVAILABLE" });
  assert.equal(log.filter(({ msg }) => msg === "lock node not used").length, 1);
});

test("a buried session that one node did not hear of is not healed from there", async (t) => {
  const servers = await startServers(t, 3);
  const leases = await connectLeases(t, servers);
  const lease = await grantOf(leases, one, LONG);
  // A quorum is enough for a grant: what is under way to the third would come after the burial.
  await waitFor(async () => (await valuesOf(servers)).every((value) => value === VALUE_OF_ONE));
  assert.equal(await leases.bury({ name: "o1", epoch: 11 }, [NAME]), 1);
  await byHand(servers[0] as TestRedis, (redis) => redis.set(KEY_NAME, VALUE_OF_ONE, "PX", LONG));
  assert.equal(await leases.extend(lease, LONG), "lost");
  await grantOf(leases, two, LONG);
});

test("a full node keeps the leases that it has", async (t) => {
  const servers = await startServers(t, 3);
  const leases = await connectLeases(t, servers);
  const lease = await grantOf(leases, one, LONG);
  await waitFor(async () => (await valuesOf(servers)).every((value) => value === VALUE_OF_ONE));
  for (const server of servers) await byHand(server, (redis) => redis.config("SET", "maxmemory", "1"));
  await assert.rejects(leases.acquire("lease:live/other", two, LONG), { code: "REGISTRY_UNAVAILABLE" });
  assert.equal(await leases.extend(lease, LONG), "extended");
  await leases.release(lease, { origin: "o2", ms: LONG });
  await waitFor(async () => (await valuesOf(servers)).every((value) => value === "reserved:o2"));
});

test("with lock nodes the registry asks for no lease in itself", async (t) => {
  const [server] = (await startServers(t, 1)) as [TestRedis];
  const registry = createRedisRegistry({
    ...{ url: server.url, prefix: PREFIX, commandTimeoutMs: 2_000, connectTimeoutMs: 2_000 },
    log: pino({ level: "silent" }),
    leasesHere: false,
  });
  t.after(() => registry.close());
  await registry.connect();
  const session = await join(registry, "o1");
  await registry.ingests.put(define(), "cli");
  const token = await registry.ingests.drawToken(session, 0);
  assert.equal((await registry.ingests.begin(session, KEY, token, "")).outcome, "begun");
  const claim = (ingestToken: number) => registry.claimStream(session, wish({ kind: "ingest", ingestToken }));
  assert.equal((await claim(token)).outcome, "granted");
  assert.equal((await claim(token - 1)).outcome, "stale-ingest");
  const term = await registry.ingests.drawToken(session, 0);
  assert.equal(await registry.ingests.writePlan(session, term, [], []), true);
  assert.deepEqual(await valuesOf([server], `${PREFIX}:${leaseOf(KEY)}`), [null]);
});

test("an origin starts with lock nodes, and not with one that evicts", async (t) => {
  const servers = await startServers(t, 4);
  const [registry, ...nodes] = servers as [TestRedis, ...TestRedis[]];
  const origin = () => {
    const config = configSchema.parse({
      ...{ name: "o1", bind: "127.0.0.1", rtmp: { port: 0 }, http: { port: 0 }, api: { port: 0 } },
      cluster: { key: "a key of the fleet under test" },
      redis: { url: registry.url, lockNodes: urlsOf(nodes) },
      log: { level: "silent" },
    });
    const made = createOrigin(config);
    t.after(() => made.stop());
    return made;
  };
  const fine = origin();
  await fine.start();
  await fine.stop();
  const [node] = nodes as [TestRedis];
  await byHand(node, (redis) => redis.config("SET", "maxmemory-policy", "allkeys-lru"));
  await assert.rejects(origin().start(), { code: "REGISTRY_REFUSED", message: /maxmemory-policy/ });
});
