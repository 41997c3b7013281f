import assert from "node:assert/strict";
import type { Notice } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { waitFor } from "../support/wait.ts";
import { KEY, beat, join, own } from "./fleet-fixture.ts";
import { begin, define } from "./ingests.contract.ts";
import { fleetTest } from "./in-fleet.ts";
import type { OpenFleet } from "./in-fleet.ts";

export function wishContract(open: OpenFleet): void {
  fleetTest(open, "a wish is told with every heartbeat of the session, whoever wrote it", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const before = await registry.heartbeat(session, beat());
    assert.equal(before.outcome === "alive" && before.wish, undefined);
    const asked = await (await fleet.open()).wishState("o1", "draining", "cli");
    assert.deepEqual(asked, { epoch: session.epoch, state: "up" });
    const first = await registry.heartbeat(session, beat());
    assert.equal(first.outcome, "alive");
    assert.equal(first.outcome === "alive" && first.wish?.state, "draining");
    assert.deepEqual(
      await registry.heartbeat(session, beat({ state: "draining" })).then((one) => "wish" in one && one.wish),
      first.outcome === "alive" && first.wish,
      "the same wish, under the same number",
    );
    const undone = await registry.wishState("o1", "up", "api");
    assert.equal(undone?.state, "draining", "the state it was in");
    const second = await registry.heartbeat(session, beat());
    assert.ok(first.outcome === "alive" && second.outcome === "alive");
    assert.equal(second.wish?.state, "up");
    assert.ok((second.wish?.number ?? 0) > (first.wish?.number ?? Infinity));
    const events = await registry.recentEvents(2);
    assert.deepEqual(
      events.map(({ type, fields }) => [type, fields["origin"], fields["reason"], fields["by"]]),
      [
        ["wished", "o1", "drain", "cli"],
        ["wished", "o1", "undrain", "api"],
      ],
    );
  });

  fleetTest(open, "a wish is for the present session only", async (fleet) => {
    const registry = await fleet.open();
    assert.equal(await registry.wishState("o1", "draining", "cli"), undefined, "nobody hears it");
    await join(registry, "o1");
    await registry.wishState("o1", "draining", "cli");
    const again = await join(registry, "o1");
    const answer = await registry.heartbeat(again, beat());
    assert.equal(answer.outcome === "alive" && answer.wish, undefined);
    assert.deepEqual(await registry.listOrigins().then((all) => all.map(({ state }) => state)), ["up"]);
  });

  fleetTest(open, "a kick is told to the owner, under the token that it had", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const stream = await own(registry, one);
    const other = await own(registry, one, { key: parseStreamKey("live/other") });
    assert.deepEqual(await registry.kickStream(KEY, "cli"), { origin: "o1", token: stream.token });
    await registry.kickStream(other.key, "cli");
    const kicksOf = async (session: typeof one) => {
      const answer = await registry.heartbeat(session, beat());
      return answer.outcome === "alive" ? [...answer.kicks].sort((a, b) => a.token - b.token) : [];
    };
    assert.deepEqual(await kicksOf(one), [stream, other]);
    assert.deepEqual(await kicksOf(one), [stream, other], "as often as it asks");
    assert.deepEqual(await kicksOf(two), []);
    const [event] = (await registry.recentEvents(2)).slice(0, 1);
    assert.deepEqual(
      [event?.type, event?.fields["stream"], event?.fields["token"], event?.fields["reason"]],
      ["wished", KEY, String(stream.token), "kick"],
    );
  });

  fleetTest(open, "nobody is kicked off a stream that no encoder feeds", async (fleet) => {
    const registry = await fleet.open();
    assert.equal(await registry.kickStream(KEY, "cli"), undefined);
    const session = await join(registry, "o1");
    const stream = await own(registry, session);
    await registry.leave(session, "test");
    assert.equal(await registry.kickStream(KEY, "cli"), undefined, "its owner is gone");
    const again = await join(registry, "o1");
    assert.equal(await registry.kickStream(KEY, "cli"), undefined, "the record is of another session");
    await registry.ingests.put(define(), "cli");
    const ingestToken = await begin(fleet, registry, again);
    await own(registry, again, { kind: "ingest", ingestToken, formerToken: stream.token });
    assert.equal(await registry.kickStream(KEY, "cli"), undefined, "an ingest is no encoder");
  });

  fleetTest(open, "the origin is woken by a notice", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await own(registry, session);
    const notices: Notice[] = [];
    const stop = await registry.onNotice("o1", (notice) => notices.push(notice));
    await registry.wishState("o1", "draining", "cli");
    await registry.kickStream(KEY, "cli");
    await waitFor(() => notices.length >= 2, { what: "the notices" });
    stop();
    assert.deepEqual(notices, [{ type: "wished" }, { type: "wished" }]);
  });
}
