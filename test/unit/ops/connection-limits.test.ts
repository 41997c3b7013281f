import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLimits, plainAddress } from "../../../src/ops/connection-limits.ts";

function limits(more: { connections?: number; connectionsPerAddress?: number; connectsPerSecond?: number }) {
  let now = 0;
  const admission = new ConnectionLimits(
    { connections: 100, connectionsPerAddress: 100, connectsPerSecond: 100, ...more },
    () => now,
  );
  return { admission, pass: (ms: number) => (now += ms) };
}

test("connections are counted in all and by address, and room comes back", () => {
  const { admission } = limits({ connections: 3, connectionsPerAddress: 2 });
  assert.equal(admission.admit("10.0.0.1"), undefined);
  assert.equal(admission.admit("10.0.0.1"), undefined);
  assert.equal(admission.admit("10.0.0.1"), "too-many-of-address");
  assert.equal(admission.admit("10.0.0.2"), undefined);
  assert.equal(admission.admit("10.0.0.3"), "too-many-connections");
  admission.release("10.0.0.1");
  assert.equal(admission.open, 2);
  assert.equal(admission.admit("10.0.0.1"), undefined);
});

test("an address that connects too fast waits, others do not", () => {
  const { admission, pass } = limits({ connectsPerSecond: 2 });
  assert.equal(admission.admit("10.0.0.1"), undefined);
  assert.equal(admission.admit("10.0.0.1"), undefined);
  assert.equal(admission.admit("10.0.0.1"), "too-fast");
  assert.equal(admission.admit("10.0.0.2"), undefined);
  pass(499);
  assert.equal(admission.admit("10.0.0.1"), "too-fast");
  pass(2);
  assert.equal(admission.admit("10.0.0.1"), undefined);
  pass(60_000);
  assert.deepEqual(
    [1, 2, 3].map(() => admission.admit("10.0.0.1")),
    [undefined, undefined, "too-fast"],
  );
});

test("an IPv6 host is its /64, however it is written", () => {
  const { admission } = limits({ connectionsPerAddress: 1 });
  assert.equal(admission.admit("2001:db8:0:1::5"), undefined);
  assert.equal(admission.admit("2001:0db8:0000:0001:ffff:0:0:9"), "too-many-of-address");
  assert.equal(admission.admit("2001:db8:0:2::5"), undefined);
  assert.equal(admission.admit("::1"), undefined);
  assert.equal(admission.admit("2001:db8::"), undefined);
  assert.equal(admission.admit("2001:db8:0:0:1::"), "too-many-of-address");
});

test("an IPv4 host is the same with and without the IPv6 notation", () => {
  assert.equal(plainAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("fe80::1%eth0"), "fe80::1");
  const { admission } = limits({ connectionsPerAddress: 1 });
  assert.equal(admission.admit("::ffff:10.0.0.1"), undefined);
  assert.equal(admission.admit("10.0.0.1"), "too-many-of-address");
});

test("nothing is kept of addresses that are gone", () => {
  const { admission, pass } = limits({ connections: 100_000 });
  for (let host = 0; host < 5_000; host++) {
    const address = `10.0.${host >> 8}.${host & 255}`;
    assert.equal(admission.admit(address), undefined);
    if (host > 0) admission.release(address);
  }
  pass(2_000);
  admission.admit("10.9.9.9");
  assert.equal(admission.addresses, 2);
});
