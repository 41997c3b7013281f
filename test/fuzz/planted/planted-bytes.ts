import { plainTarget } from "./plain-target.ts";
import { parsePlanted } from "./planted-parser.ts";

export const target = plainTarget("planted-bytes", (input) => void parsePlanted(input));
