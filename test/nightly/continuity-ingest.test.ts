import { after, before, describe } from "node:test";
import { CHANGES } from "../conformance/changes.ts";
import { describeIngestSuccession, IngestStage } from "../conformance/ingest-succession.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";

/** From, to: far back, over the wrap at 2^32, far forward. */
const CLOCKS: readonly (readonly [number, number])[] = [
  [3_600_000, 0],
  [2 ** 32 - 3_000, 2 ** 32 - 1_000],
  [0, 2 ** 31],
];
const FIRST = [PUBLISHERS.wire, PUBLISHERS.curl, "ingest"] as const;

/**
 * The pairs of sources that end in an ingest, with each change and after each gap. None begins with one and ends with an
 * encoder: a publish of the stream is refused while its ingest is enabled (docs/ingest.md).
 */
describe("an ingest follows", { concurrency: 4 }, () => {
  const stages = new IngestStage();
  before(() => stages.open());
  after(() => stages.close());

  const players = playerKinds("wire", "webSocket");
  let number = 0;
  for (const first of FIRST)
    // An ingest that moves as well begins with the group that was played already: test/conformance/ingest.test.ts.
    for (const captureAt of first === "ingest" ? (["o1"] as const) : (["o1", "o2"] as const))
      for (const gap of first === "ingest" ? [0] : [0, 1_000, 10_000])
        for (const change of Object.values(CHANGES)) {
          const clocks = CLOCKS[number++ % CLOCKS.length] as readonly [number, number];
          describeIngestSuccession(stages, { first, captureAt, players, gap, change, clocks });
        }
});
