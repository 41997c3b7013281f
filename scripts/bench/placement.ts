import { parseArgs } from "node:util";
import { REST_MS } from "../../src/domain/placement/input.ts";
import { PlacementModel } from "../../test/support/placement-model.ts";
import { printTable, type Row } from "./lib/report.ts";

const { values: flags } = parseArgs({
  options: {
    origins: { type: "string", default: "1000" },
    ingests: { type: "string", default: "100000" },
    starts: { type: "string", default: "20" },
  },
});
const origins = Number(flags.origins);
const ingests = Number(flags.ingests);
/** So many origins die, join and drain together. */
const some = Math.max(1, Math.floor(origins / 20));
const MOST_SECONDS = 300;

const fleet = new PlacementModel(Number(flags.starts));
const rows: Row[] = [];

/** Let something happen, then count the seconds of the fleet until nothing moves any more. */
function phase(name: string, ideal: number, happen: () => void): void {
  const before = { ...fleet.counts };
  fleet.slowest = 0;
  happen();
  let placed = 0;
  let seconds = 0;
  for (let quiet = 0; quiet < 3 && seconds < MOST_SECONDS; seconds++) {
    const moves = fleet.counts.moves + fleet.counts.placements;
    fleet.tick();
    if (fleet.unplaced() > 0) placed = seconds + 1;
    quiet = fleet.counts.moves + fleet.counts.placements === moves ? quiet + 1 : 0;
    // What moved once may move again after its rest: nothing else can happen before.
    if (quiet === 1) fleet.now += REST_MS;
  }
  const moved = fleet.counts.moves - before.moves;
  const found = fleet.counts.placements - before.placements;
  rows.push({
    phase: name,
    placed: found,
    "seconds to placement": placed + (found > 0 ? 1 : 0),
    "moved while alive": moved,
    "least possible": ideal,
    "most minus least": fleet.unevenness(),
    "slowest plan ms": Math.round(fleet.slowest),
  });
}

const began = performance.now();
phase("start", ingests, () => {
  for (let i = 0; i < origins; i++) fleet.join(`o${i}`);
  for (let i = 0; i < ingests; i++) fleet.define(`live/cam${i}`);
});
const each = Math.floor(ingests / origins);
phase(`${some} die`, some * each, () => {
  for (let i = 0; i < some; i++) fleet.die(`o${i}`);
});
phase(`${some} join`, some * each, () => {
  for (let i = 0; i < some; i++) fleet.join(`new${i}`);
});
phase(`${some} drain`, some * each, () => {
  for (let i = 0; i < some; i++) fleet.drain(`new${i}`);
});
phase(`${some} drained ones leave`, 0, () => {
  for (let i = 0; i < some; i++) fleet.die(`new${i}`);
});
printTable(`${ingests} ingests on ${origins} origins, ${flags.starts} starts a second and origin`, rows);
process.stdout.write(`took ${((performance.now() - began) / 1_000).toFixed(1)} s\n`);
