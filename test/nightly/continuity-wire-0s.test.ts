import { describeOnTheWire } from "./continuity-matrix.ts";

describeOnTheWire(0);
