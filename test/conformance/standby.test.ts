import { after, before, describe } from "node:test";
import { playerKinds } from "../support/players.ts";
import { AWAY, HOME, Stage } from "./stage.ts";
import { describeStandby, STANDBY } from "./standby.ts";
import type { StandbyRow } from "./standby.ts";

const SOME = playerKinds("ffmpeg", "rtmpdump", "gstreamer");
const MORE = playerKinds("ffmpeg", "gstreamer", "decoder", "curl", "webSocket");

const ROWS: readonly StandbyRow[] = [
  { fails: "is killed", where: AWAY, players: SOME },
  { fails: "is killed", where: HOME, players: MORE },
  { fails: "stands still", where: AWAY, players: MORE },
  { fails: "stands still", where: HOME, players: SOME },
  { fails: "falls silent", where: AWAY, players: SOME },
  { fails: "falls silent", where: HOME, players: SOME },
];

describe("a second encoder that stands by", () => {
  const stage = new Stage(3);
  before(() => stage.open({ config: { publish: STANDBY } }));
  after(() => stage.close());
  for (const row of ROWS) describeStandby(stage, row);
});
