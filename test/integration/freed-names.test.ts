import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { flvHeader } from "../support/flv-file.ts";
import { speak } from "../support/hostile-requests.ts";
import { redisCliRaw } from "../support/redis-cli.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { startFleet, type TestFleet } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { media, settled } from "../support/wire-session.ts";

const PATIENCE = { within: 25_000 };
let fleet: TestFleet;

before(async () => {
  fleet = await startFleet({
    origins: 2,
    config: {
      publish: { onDuplicate: "reject" },
      // A claim that waits for a Redis that stands still must be answered in the end.
      redis: { commandTimeout: "5s" },
      lease: { ttl: "30s", renewEvery: "1s" },
      limits: { publisherTimeout: "1s" },
    },
  });
});
after(() => fleet.stop());

const addresses = (origin: 0 | 1) => (fleet.origins[origin] as TestFleet["origins"][0]).at;

async function connected(origin: 0 | 1 = 0): Promise<WireClient> {
  const client = await WireClient.open(addresses(origin).rtmp);
  await client.connectTo("live", { type: "nonprivate" });
  return client;
}

async function publishing(name: string, origin: 0 | 1 = 0): Promise<WireClient> {
  const client = await connected(origin);
  client.tell(1, "publish", null, name, "live");
  await client.status("NetStream.Publish.Start");
  return client;
}

/** The names with a record, all of the fleet's. */
async function records(): Promise<string[]> {
  const keys = await redisCliRaw("-p", `${fleet.redis.port}`, "--scan", "--pattern", "{holdfast}:stream:*");
  return keys
    .split("\n")
    .filter((key) => key !== "")
    .map((key) => key.slice("{holdfast}:stream:live/".length));
}

/** Nobody has the name any more: no record is left, and another origin's encoder gets it, though duplicates are refused. */
async function freed(name: string): Promise<void> {
  await waitFor(async () => !(await records()).includes(name), {
    ...PATIENCE,
    what: `the end of the record of ${name}`,
  });
  const next = await publishing(name, 1);
  next.tell(0, "deleteStream", null, 1);
  await next.status("NetStream.Unpublish.Success");
  next.close();
}

const code = (client: WireClient, wanted: string, count = 1) =>
  waitFor(
    () =>
      client
        .commands()
        .filter(({ name, args }) => name === "onStatus" && (args[1] as { code?: string }).code === wanted)
        .length >= count,
    { ...PATIENCE, what: `${wanted}, ${count} times` },
  );

const ENDS: Readonly<Record<string, (client: WireClient) => unknown>> = {
  "a reset": (client) => client.reset(),
  "a FIN": (client) => client.leave(),
  deleteStream: (client) => client.tell(0, "deleteStream", null, 1),
  closeStream: (client) => client.tell(1, "closeStream"),
  FCUnpublish: (client) => client.tell(0, "FCUnpublish", null),
  "publish with false": (client) => client.tell(1, "publish", null, false),
  "a broken message": (client) => client.sendBytes(Buffer.from("02000000000004010000000000000000", "hex")),
  "a reset inside a message": (client) => {
    client.sendBytes(Buffer.from("060000000fffff090100000017", "hex"));
    client.reset();
  },
  "silence for longer than limits.publisherTimeout": () => undefined,
};

for (const [how, end] of Object.entries(ENDS))
  test(`a name is free after ${how}`, async () => {
    const name = `accepted-${how.replaceAll(/\W/g, "-")}`;
    const client = await publishing(name);
    client.send(media(MESSAGE.video, videoHeader()));
    client.send(media(MESSAGE.video, videoFrame({ key: true })));
    assert.ok((await records()).includes(name));
    end(client);
    await freed(name);
    client.close();
  });

const BEFORE: readonly string[] = ["a reset", "a FIN", "deleteStream", "a broken message"];
for (const how of BEFORE)
  test(`a name is free after ${how} before the claim is answered`, async () => {
    const name = `asking-${how.replaceAll(/\W/g, "-")}`;
    const client = await connected();
    fleet.redis.pause();
    try {
      client.tell(1, "publish", null, name, "live");
      await settled(client);
      (ENDS[how] as (client: WireClient) => unknown)(client);
      if (how === "deleteStream") await settled(client);
      else if (how !== "a reset") await client.end(PATIENCE.within);
    } finally {
      fleet.redis.resume();
    }
    await freed(name);
    assert.ok(client.commands().every(({ name: command }) => command !== "onStatus"));
    client.close();
  });

test("a refused publisher takes no name with it, whenever it leaves", async () => {
  const owner = await publishing("refused");
  const feed = setInterval(() => owner.send(media(MESSAGE.video, videoFrame())), 100);
  for (const leaves of ["at once", "when it is closed"]) {
    const second = await connected(1);
    second.tell(1, "publish", null, "refused", "live");
    await second.status("NetStream.Publish.BadName");
    if (leaves === "at once") second.reset();
    else await second.end(PATIENCE.within);
    assert.ok((await records()).includes("refused"), "the owner keeps it");
  }
  clearInterval(feed);
  owner.close();
  await freed("refused");
});

test("a second publish on a connection frees the first name, a repeated one keeps it", async () => {
  const client = await publishing("one");
  client.tell(1, "publish", null, "one", "live");
  await code(client, "NetStream.Publish.Start", 2);
  assert.ok((await records()).includes("one"));
  client.tell(1, "publish", null, "two", "live");
  await code(client, "NetStream.Publish.Start", 3);
  await freed("one");
  assert.ok((await records()).includes("two"));
  client.close();
  await freed("two");
});

test("of two publishes in one packet the first counts, and the second leaves nothing", async () => {
  const client = await connected();
  client.tell(1, "publish", null, "hasty-one", "live");
  client.tell(1, "publish", null, "hasty-two", "live");
  await code(client, "NetStream.Publish.Start");
  await settled(client);
  assert.deepEqual(
    (await records()).filter((name) => name.startsWith("hasty")),
    ["hasty-one"],
  );
  client.close();
  await freed("hasty-one");
});

test("play after publish, and publish after play, free what was before", async () => {
  const other = await publishing("other");
  other.send(media(MESSAGE.video, videoHeader()));
  other.send(media(MESSAGE.video, videoFrame({ key: true })));
  const feed = setInterval(() => other.send(media(MESSAGE.video, videoFrame())), 100);
  const client = await publishing("mine");
  client.tell(1, "play", null, "other");
  await client.status("NetStream.Play.Start");
  await freed("mine");
  client.tell(1, "publish", null, "again", "live");
  await code(client, "NetStream.Publish.Start", 2);
  assert.ok((await records()).includes("again"));
  client.close();
  await freed("again");
  clearInterval(feed);
  other.close();
  await freed("other");
});

const head = (name: string) =>
  Buffer.from(`POST /live/${name}.flv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
const chunk = (data: Buffer) =>
  Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);

for (const how of ["end", "reset", "noise"] as const)
  test(`a name that was posted is free after its body's ${how}`, async () => {
    const name = `posted-${how}`;
    const { socket } = speak(addresses(0).http, Buffer.concat([head(name), chunk(flvHeader())]));
    await waitFor(async () => (await records()).includes(name), { ...PATIENCE, what: "the record" });
    if (how === "end") socket.write("0\r\n\r\n");
    else if (how === "reset") socket.resetAndDestroy();
    else socket.write(chunk(Buffer.alloc(100, 0xff)));
    await freed(name);
    socket.destroy();
  });

test("a POST that is gone before its claim is answered leaves nothing", async () => {
  fleet.redis.pause();
  const { socket } = speak(addresses(0).http, head("posted-hasty"));
  try {
    await waitFor(() => socket.bytesWritten > 0 && socket.readyState === "open");
    socket.resetAndDestroy();
    await waitFor(() => socket.closed);
  } finally {
    fleet.redis.resume();
  }
  await freed("posted-hasty");
});

test("at the end no record is left", async () => {
  await waitFor(async () => (await records()).length === 0, { ...PATIENCE, what: "the end of all records" });
});
