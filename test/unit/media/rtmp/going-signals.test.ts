import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCommand } from "../../../../src/media/rtmp/commands.ts";
import { goingMessages, signalsOf } from "../../../../src/media/rtmp/going-signals.ts";
import { MESSAGE } from "../../../../src/media/rtmp/message.ts";

const BOTH = { reconnect: true, goAway: true };
const NOWHERE = { from: "", next: () => "" };
const DIALLED = { protocol: "rtmp", tcUrl: "rtmp://o1.example/live?key=secret" } as const;

test("a signal is for those who announced it, and for nobody else", () => {
  for (const [offer, understood] of [
    [{}, { reconnect: false, goAway: false }],
    [{ capsEx: 0x01 }, { reconnect: true, goAway: false }],
    [{ capsEx: 0x0f }, { reconnect: true, goAway: false }],
    [{ capsEx: 0x0e }, { reconnect: false, goAway: false }],
    [{ capsEx: "1" }, { reconnect: false, goAway: false }],
    [{ capsEx: Number.NaN }, { reconnect: false, goAway: false }],
    [{ supportsGoAway: true }, { reconnect: false, goAway: true }],
    [{ supportsGoAway: 1 }, { reconnect: false, goAway: true }],
    [{ supportsGoAway: false }, { reconnect: false, goAway: false }],
    [{ supportsGoAway: "true" }, { reconnect: false, goAway: false }],
    [{ capsEx: 1, supportsGoAway: true }, BOTH],
  ] as const)
    assert.deepEqual(signalsOf(offer), understood, JSON.stringify(offer));
  assert.deepEqual(goingMessages({ reconnect: false, goAway: false }, DIALLED, NOWHERE), []);
});

test("the request to reconnect is an onStatus of the connection, Go Away an empty message", () => {
  const [request, goAway, ...more] = goingMessages(BOTH, DIALLED, NOWHERE);
  assert.deepEqual(more, []);
  assert.equal(request?.streamId, 0);
  const { name, transaction, args } = decodeCommand(request ?? assert.fail(), { depth: 8, elements: 64 });
  assert.deepEqual([name, transaction, args[0]], ["onStatus", 0, null]);
  const { description, ...info } = { ...(args[1] as Record<string, unknown>) };
  assert.deepEqual(info, { level: "status", code: "NetConnection.Connect.ReconnectRequest" });
  assert.match(String(description), /connect again/);
  assert.equal(goAway?.type, 0x20);
  assert.equal(goAway?.type, MESSAGE.goAway);
  assert.equal(goAway?.payload.length, 0);
});

for (const [name, tcUrl, from, next, expected] of [
  [
    "who dialled this origin itself is named another one",
    "rtmp://o1.example/live?key=a",
    "o1.example:1935",
    "o2.example:1936",
    "rtmp://o2.example:1936/live?key=a",
  ],
  ["with a port", "rtmp://O1.example:2935/a/b", "o1.example:2935", "o2:1", "rtmp://o2:1/a/b"],
  ["in IPv6", "rtmp://[::1]:1935/live", "[::1]:1935", "[::2]:1935", "rtmp://[::2]:1935/live"],
  [
    "who came through another name is not",
    "rtmp://live.example/live",
    "o1.example:1935",
    "o2:1935",
    undefined,
  ],
  ["nor to another port", "rtmp://o1.example:1936/live", "o1.example:1935", "o2:1935", undefined],
  ["nor is anybody when no other origin has an address", "rtmp://o1/live", "o1:1935", "", undefined],
  ["nor when this one has none", "rtmp://o1/live", "", "o2:1935", undefined],
  ["nor when the tcUrl is nonsense", "nonsense", "o1:1935", "o2:1935", undefined],
  ["nor over RTMPS", "rtmps://o1/live", "o1:1935", "o2:1935", undefined],
] as const)
  test(`tcUrl: ${name}`, () => {
    const [request] = goingMessages(BOTH, { protocol: "rtmp", tcUrl }, { from, next: () => next });
    const { args } = decodeCommand(request ?? assert.fail(), { depth: 8, elements: 64 });
    assert.equal((args[1] as Record<string, unknown>)["tcUrl"], expected);
  });
