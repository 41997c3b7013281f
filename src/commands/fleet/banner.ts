import { card } from "../output.ts";
import { redisCliLines } from "./redis-cli-lines.ts";
import { TEST_STREAM } from "./test-publisher.ts";

export interface BannerFleet {
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly origins: readonly BannerOrigin[];
  /** Whether the test picture is published. */
  readonly testPicture: boolean;
  /** How this program is called here, such as `holdfast` or `node dist/cli.js`. */
  readonly program: string;
}

export interface BannerOrigin {
  readonly name: string;
  readonly rtmp: string;
  readonly http: string;
  readonly api: string;
}

/** What can be done with a fleet that has just started: every line is there to be copied. */
export function banner({ redisUrl, redisPrefix, origins, testPicture, program }: BannerFleet): string {
  const [app = "", stream = ""] = TEST_STREAM.split("/");
  // While the test picture has the one name, an encoder of the reader gets another: two of a name fight.
  const own = testPicture ? "cam" : stream;
  const look = redisCliLines(redisUrl, redisPrefix, TEST_STREAM);
  const blocks = origins.map(({ name, rtmp, http, api }) => {
    const lines = {
      "  OBS": `Settings > Stream > Custom: server rtmp://${rtmp}/${app}  stream key ${own}`,
      "  ffplay": `ffplay -fflags nobuffer rtmp://${rtmp}/${TEST_STREAM}`,
      "  HTTP-FLV": `http://${http}/${TEST_STREAM}.flv`,
      "  time left": look.sessionLeft(name),
      "  API": `curl http://${api}/api/fleet/v1/streams`,
    };
    return `${name}\n${card(lines)}`;
  });
  const registry = {
    "  owner": look.owner,
    "  time left": look.ownerLeft,
    "  events": look.events,
  };
  const next = {
    "  what is live": `${program} streams ls`,
    "  why there": `${program} explain ${TEST_STREAM}`,
    "  failover": `${program} fleet --kill ${origins[0]?.name ?? "o1"}`,
  };
  return [
    ...blocks,
    `registry: who owns ${TEST_STREAM}, for how long, and what happened\n${card(registry)}`,
    `in a second terminal\n${card(next)}`,
    "Ctrl-C stops everything.",
  ].join("\n\n");
}
