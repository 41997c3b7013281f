import assert from "node:assert/strict";
import type { Notice } from "../../src/domain/ports/registry.ts";
import { waitFor } from "../support/wait.ts";
import { KEY, LONG, beat, join, own, ownerOf, wish } from "./fleet-fixture.ts";
import { fleetTest } from "./in-fleet.ts";
import type { OpenFleet } from "./in-fleet.ts";

const SHORT = 1_000;

export function takeoverContract(open: OpenFleet): void {
  fleetTest(open, "with policy reject a live owner keeps its stream", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const stream = await own(registry, one);
    const held = { outcome: "held", origin: "o1", token: stream.token };
    assert.deepEqual(await registry.claimStream(two, wish({ policy: "reject" })), held);
    assert.deepEqual(await registry.claimStream(two, wish({ policy: "reclaim", formerToken: 1 })), held);
    assert.deepEqual(await registry.claimStream(one, wish({ policy: "reject" })), held);
    assert.equal(await ownerOf(registry), "o1");
  });

  fleetTest(open, "a newcomer takes a stream over under a greater token", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const old = await own(registry, one);
    const result = await registry.claimStream(two, wish({ publisher: "203.0.113.9" }));
    assert.equal(result.outcome, "granted");
    assert.ok(result.outcome === "granted" && result.token > old.token);
    assert.equal(result.outcome === "granted" && result.previous, "o1");
    const [location] = await registry.locate([KEY]);
    assert.equal(location?.record.origin, "o2");
    assert.equal(location?.record.previous, "o1");
    assert.equal(location?.record.publisher, "203.0.113.9");
    assert.deepEqual(
      (await registry.listStreams()).map(({ origin }) => origin),
      ["o2"],
    );
  });

  fleetTest(open, "the old owner is told of its loss until it has acted on it", async (fleet) => {
    const [registry, elsewhere] = [await fleet.open(), await fleet.open()];
    const one = await join(registry, "o1");
    const old = await own(registry, one);
    const won = await own(elsewhere, await join(elsewhere, "o2"));
    for (const acknowledged of [[], [], [old], [{ ...won, token: won.token + 1 }]]) {
      const answer = await registry.heartbeat(one, beat({ acknowledged }));
      assert.deepEqual(
        answer.outcome === "alive" && answer.lost,
        [won],
        "an acknowledgement names the loss exactly",
      );
    }
    const answer = await registry.heartbeat(one, beat({ acknowledged: [won] }));
    assert.deepEqual(answer.outcome === "alive" && answer.lost, []);
  });

  fleetTest(open, "a loss belongs to the session that had it", async (fleet) => {
    const registry = await fleet.open();
    const one = await join(registry, "o1");
    await own(registry, one);
    await own(registry, await join(registry, "o2"));
    const again = await join(registry, "o1");
    const answer = await registry.heartbeat(again, beat());
    assert.deepEqual(answer.outcome === "alive" && answer.lost, []);
  });

  fleetTest(open, "the old owner hears of it at once", async (fleet) => {
    const [registry, elsewhere] = [await fleet.open(), await fleet.open()];
    await own(registry, await join(registry, "o1"));
    const heard: Notice[] = [];
    const stop = await registry.onNotice("o1", (notice) => heard.push(notice));
    const two = await join(elsewhere, "o2");
    const won = await own(elsewhere, two);
    await waitFor(() => heard.length === 1, { what: "the notice" });
    assert.deepEqual(heard, [{ type: "taken-over", stream: won }]);
    stop();
    const back = await own(elsewhere, await join(elsewhere, "o3"));
    const all: Notice[] = [];
    const stopAll = await registry.onNotice("o3", (notice) => all.push(notice));
    const last = await own(elsewhere, two);
    await waitFor(() => all.length === 1, { what: "the notice for another origin" });
    assert.deepEqual(all, [{ type: "taken-over", stream: last }]);
    assert.ok(last.token > back.token);
    assert.equal(heard.length, 1, "nothing is heard after the end");
    stopAll();
  });

  fleetTest(
    open,
    "a second encoder at the same origin gets a new token and no loss is told",
    async (fleet) => {
      const registry = await fleet.open();
      const one = await join(registry, "o1");
      const first = await own(registry, one);
      const result = await registry.claimStream(one, wish());
      assert.ok(result.outcome === "granted" && result.token > first.token);
      assert.equal(result.outcome === "granted" && result.previous, "o1");
      const answer = await registry.heartbeat(one, beat());
      assert.deepEqual(answer.outcome === "alive" && answer.lost, []);
      const [loss] = await registry.touchStreams(one, [first], LONG);
      assert.deepEqual(loss, {
        key: KEY,
        outcome: "taken",
        token: result.outcome === "granted" && result.token,
      });
    },
  );

  fleetTest(open, "the pause between take-overs of a key doubles while two encoders fight", async (fleet) => {
    const registry = await fleet.open();
    const sessions = [await join(registry, "o1"), await join(registry, "o2")];
    const pauses = { pauseMinMs: 600, pauseMaxMs: 1_500 };
    const [one] = sessions;
    assert.ok(one);
    await own(registry, one, pauses);
    for (const [round, pause] of [600, 1_200, 1_500].entries()) {
      const [challenger, loser] = round % 2 === 0 ? [sessions[1], sessions[0]] : [sessions[0], sessions[1]];
      assert.ok(challenger && loser);
      await own(registry, challenger, pauses);
      const [location] = await registry.locate([KEY]);
      assert.equal(location?.record.takeovers, round + 1);
      const refused = await registry.claimStream(loser, wish(pauses));
      assert.equal(refused.outcome, "too-soon");
      if (refused.outcome !== "too-soon") return;
      assert.equal(refused.origin, challenger.name);
      const early = pause - refused.retryAfterMs;
      assert.ok(early >= 0 && early < 500, `told to wait ${refused.retryAfterMs} of ${pause} ms`);
      assert.equal(await ownerOf(registry), challenger.name);
      await fleet.advance(pause);
    }
    await fleet.advance(1_500 + 50);
    const [quiet] = await registry.locate([KEY]);
    assert.equal(quiet?.record.takeovers, 0, "a quiet time makes good");
    await own(registry, one, pauses);
    const [location] = await registry.locate([KEY]);
    assert.equal(location?.record.takeovers, 1);
  });

  fleetTest(open, "an encoder that fights itself at one origin is slowed down, too", async (fleet) => {
    const registry = await fleet.open();
    const one = await join(registry, "o1");
    const pauses = { pauseMinMs: LONG, pauseMaxMs: LONG };
    await own(registry, one, pauses);
    await own(registry, one, pauses);
    const refused = await registry.claimStream(one, wish(pauses));
    assert.equal(refused.outcome, "too-soon");
    const next = await own(registry, one, { ...pauses, policy: "reclaim" });
    assert.ok(next.token > 0, "the origin itself may always have its own record again");
  });

  fleetTest(open, "a stream whose owner died is free for anyone, without a pause", async (fleet) => {
    const registry = await fleet.open();
    const dying = await join(registry, "o1", { ttlMs: SHORT });
    const old = await own(registry, dying);
    const two = await join(registry, "o2");
    const held = await registry.claimStream(two, wish({ policy: "reject" }));
    assert.equal(held.outcome, "held");
    await fleet.advance(SHORT + 50);
    const result = await registry.claimStream(
      two,
      wish({ policy: "reject", pauseMinMs: LONG, pauseMaxMs: LONG }),
    );
    assert.ok(result.outcome === "granted" && result.token > old.token);
    assert.equal(result.outcome === "granted" && result.previous, "o1");
    const [location] = await registry.locate([KEY]);
    assert.equal(location?.record.takeovers, 0);
  });

  fleetTest(open, "an origin that registered again reclaims what nobody took", async (fleet) => {
    const registry = await fleet.open();
    const before = await join(registry, "o1", { ttlMs: SHORT });
    const old = await own(registry, before);
    await fleet.advance(SHORT + 50);
    const after = await join(registry, "o1");
    const result = await registry.claimStream(after, wish({ policy: "reclaim", formerToken: old.token }));
    assert.ok(result.outcome === "granted" && result.token > old.token);
    assert.equal(result.outcome === "granted" && result.previous, "");
  });

  fleetTest(open, "a token is greater than the former one that comes with the claim", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const former = session.epoch + 3_600_000_000;
    const stream = await own(registry, session, { policy: "reclaim", formerToken: former });
    assert.ok(stream.token > former);
    const next = await own(registry, await join(registry, "o2"));
    assert.ok(next.token > stream.token);
  });
}
