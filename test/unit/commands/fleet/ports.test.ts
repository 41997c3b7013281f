import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { chooseTriples } from "../../../../src/commands/fleet/ports.ts";
import { freePort } from "../../../support/free-port.ts";

const HOST = "127.0.0.1";

test("a taken triple is skipped and said, the others count up", async () => {
  const first = { rtmp: await freePort(), http: await freePort(), api: await freePort() };
  const taken = createServer().listen(first.http + 1, HOST);
  await once(taken, "listening");
  const said: number[] = [];
  const triples = await chooseTriples(HOST, first, 2, (_triple, port) => said.push(port));
  taken.close();
  assert.ok(said.includes(first.http + 1));
  assert.equal(triples.length, 2);
  for (const { rtmp, http, api } of triples) {
    const i = rtmp - first.rtmp;
    assert.notEqual(i, 1);
    assert.deepEqual([http, api], [first.http + i, first.api + i]);
  }
});

test("two origins never get the same port, even when the ranges meet", async () => {
  const base = await freePort();
  const triples = await chooseTriples(
    HOST,
    { rtmp: base, http: base + 100, api: base + 102 },
    5,
    () => undefined,
  );
  const ports = triples.flatMap(({ rtmp, http, api }) => [rtmp, http, api]);
  assert.equal(new Set(ports).size, 15);
});

test("a range that ends is an error with its numbers", async () => {
  const first = { rtmp: 65_535, http: 65_530, api: 65_520 };
  await assert.rejects(
    chooseTriples(HOST, first, 2, () => undefined),
    { code: "PORT_IN_USE" },
  );
});
