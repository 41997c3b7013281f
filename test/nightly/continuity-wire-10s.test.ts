import { describeOnTheWire } from "./continuity-matrix.ts";

describeOnTheWire(10_000);
