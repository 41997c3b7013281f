import { describeOnTheWire } from "./continuity-matrix.ts";

describeOnTheWire(1_000);
