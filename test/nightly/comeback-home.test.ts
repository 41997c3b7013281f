import { HOME } from "../conformance/stage.ts";
import { describeEverySuccession } from "./succession-matrix.ts";

describeEverySuccession({ where: HOME, while: "gone" });
