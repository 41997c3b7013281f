import { after, before, describe } from "node:test";
import { Stage } from "../conformance/stage.ts";
import { describeSuccession } from "../conformance/succession.ts";
import type { SuccessionRow } from "../conformance/succession.ts";
import { playerKinds } from "../support/players.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { PUBLISHERS } from "../support/publishers.ts";

/** Every publisher after every other, in one of the ways to follow. */
export function describeEverySuccession(way: Pick<SuccessionRow, "where" | "while">): void {
  const everybody = Object.values<PublisherKind>(PUBLISHERS);
  describe("every publisher after every other", () => {
    const stage = new Stage();
    before(() => stage.openWithTls());
    after(() => stage.close());
    for (const first of everybody)
      for (const second of everybody)
        describeSuccession(stage, { first, second, players: playerKinds(), ...way });
  });
}
