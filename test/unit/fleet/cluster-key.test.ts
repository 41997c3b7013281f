import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { ClusterKey, type TicketScope } from "../../../src/fleet/cluster-key.ts";
import { ReplayGuard } from "../../../src/fleet/replay-guard.ts";

const NOW = 1_700_000_000_000;
const scope: TicketScope = { purpose: "relay", target: "instance-1", subject: "live/cam" };
const key = () => new ClusterKey("the secret of the fleet");

function reasonOf(admit: () => void): string {
  try {
    admit();
    return "admitted";
  } catch (error) {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, "TICKET_INVALID");
    return String(error.context["reason"]);
  }
}

test("a ticket is admitted by another origin with the same key", () => {
  key().admit(key().ticket(scope, NOW), scope, NOW + 29_000);
});

test("a ticket is of no use for another stream, origin or purpose", () => {
  const others: Partial<TicketScope>[] = [
    { subject: "live/cam2" },
    { target: "instance-2" },
    { purpose: "peer" },
    { target: 'instance-1","live' },
  ];
  for (const other of others) {
    const reason = reasonOf(() => key().admit(key().ticket(scope, NOW), { ...scope, ...other }, NOW));
    assert.equal(reason, "it was made with another key, or for something else");
  }
});

test("a ticket of another fleet is refused", () => {
  const foreign = new ClusterKey("the secret of another fleet").ticket(scope, NOW);
  assert.equal(
    reasonOf(() => key().admit(foreign, scope, NOW)),
    "it was made with another key, or for something else",
  );
});

test("while the key is replaced both are accepted, and the new one is used", () => {
  const old = key();
  const both = new ClusterKey("the next secret of the fleet", "the secret of the fleet");
  const next = new ClusterKey("the next secret of the fleet");
  both.admit(old.ticket(scope, NOW), scope, NOW);
  next.admit(both.ticket(scope, NOW), scope, NOW);
  assert.notEqual(
    reasonOf(() => old.admit(both.ticket(scope, NOW), scope, NOW)),
    "admitted",
  );
});

test("a ticket is admitted once", () => {
  const owner = key();
  const ticket = key().ticket(scope, NOW);
  owner.admit(ticket, scope, NOW);
  assert.equal(
    reasonOf(() => owner.admit(ticket, scope, NOW + 1)),
    "it was used before",
  );
});

test("a ticket expires, and one that lives too long is not believed", () => {
  const ticket = key().ticket(scope, NOW);
  assert.equal(
    reasonOf(() => key().admit(ticket, scope, NOW + 30_000)),
    "it has expired",
  );
  assert.match(
    reasonOf(() => key().admit(ticket, scope, NOW - 60_000)),
    /expires too late/,
  );
});

test("no two tickets are alike, and none shows the key", () => {
  const owner = key();
  assert.notEqual(owner.ticket(scope, NOW), owner.ticket(scope, NOW));
  assert.match(owner.ticket(scope, NOW), /^v1\.[0-9a-z]+\.[\w-]{16}\.[\w-]{43}$/);
});

test("a header carries a ticket", () => {
  const peer: TicketScope = { purpose: "peer", target: "instance-1", subject: "GET /fleet/v1/x" };
  key().admitHeader(key().header(peer, NOW), peer, NOW);
  for (const header of [undefined, "", "Bearer x", "Holdfast ", `Holdfast ${"x".repeat(10_000)}`])
    assert.notEqual(
      reasonOf(() => key().admitHeader(header, peer, NOW)),
      "admitted",
    );
});

test("no text is taken for a ticket, and nothing but TICKET_INVALID is thrown", () => {
  const owner = key();
  const ticket = owner.ticket(scope, NOW);
  const bent = fc
    .tuple(fc.nat({ max: ticket.length - 2 }), fc.string({ minLength: 1, maxLength: 3 }))
    .map(([at, text]) => ticket.slice(0, at) + text + ticket.slice(at + text.length))
    .filter((text) => text !== ticket);
  fc.assert(
    fc.property(fc.oneof(fc.string(), bent), (text) => {
      const reason = reasonOf(() => owner.admit(text, scope, NOW));
      // The last digit of the code carries two bits that mean nothing.
      assert.ok(reason !== "admitted" || text.slice(0, -1) === ticket.slice(0, -1), text);
    }),
  );
});

test("the replay guard forgets what has expired, and refuses what it has no room for", () => {
  const guard = new ReplayGuard();
  for (let i = 0; i < 65_536; i++) assert.equal(guard.use(`${i}`, 100, 0), true);
  assert.equal(guard.use("one more", 100, 99), false);
  assert.equal(guard.use("one more", 200, 100), true);
  assert.equal(guard.use("one more", 200, 101), false);
});
