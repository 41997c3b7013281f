import { AWAY } from "../conformance/stage.ts";
import { describeEverySuccession } from "./succession-matrix.ts";

describeEverySuccession({ where: AWAY, while: "live" });
