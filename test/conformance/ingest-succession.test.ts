import { after, before, describe } from "node:test";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { CHANGES } from "./changes.ts";
import { describeIngestSuccession, IngestStage } from "./ingest-succession.ts";

describe("an ingest follows", () => {
  const stages = new IngestStage();
  before(() => stages.open());
  after(() => stages.close());

  const players = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "curl", "webSocket", "wire");
  describeIngestSuccession(stages, { first: PUBLISHERS.wire, captureAt: "o2", players });
  describeIngestSuccession(stages, { first: PUBLISHERS.curl, captureAt: "o1", players });
  describeIngestSuccession(stages, { first: "ingest", captureAt: "o1", players, change: CHANGES.larger });
});
