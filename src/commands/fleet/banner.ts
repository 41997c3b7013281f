import { card } from "../output.ts";
import { redisCliLines } from "./redis-cli-lines.ts";
import { TEST_STREAM } from "./test-publisher.ts";

export interface BannerFleet {
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly origins: readonly BannerOrigin[];
  /** Whether the test picture is published. */
  readonly testPicture: boolean;
}

export interface BannerOrigin {
  readonly name: string;
  readonly rtmp: string;
  readonly http: string;
  readonly api: string;
}

/** What can be done with a fleet that has just started: every line is there to be copied. */
export function banner({ redisUrl, redisPrefix, origins, testPicture }: BannerFleet): string {
  const [app = "", stream = ""] = TEST_STREAM.split("/");
  // While the test picture has the one name, an encoder of the reader gets another: two of a name fight.
  const own = testPicture ? "cam" : stream;
  const lines = redisCliLines(redisUrl, redisPrefix, TEST_STREAM);
  const blocks = origins.map(({ name, rtmp, http, api }) => {
    const body = card({
      "  OBS": `Settings > Stream > Custom: server rtmp://${rtmp}/${app}  stream key ${own}`,
      "  play": `ffplay -fflags nobuffer rtmp://${rtmp}/${TEST_STREAM}`,
      "  HTTP-FLV": `http://${http}/${TEST_STREAM}.flv`,
      "  API": `http://${api}/api/fleet/v1/origins`,
    });
    return `${name}\n${body}`;
  });
  const registry = card({
    "  owner": lines.owner,
    "  time left": lines.timeLeft,
    "  events": lines.events,
  });
  return [
    ...blocks,
    `registry ${redisUrl.replace(/\/\/.*@/, "//")} (who owns ${TEST_STREAM})\n${registry}`,
    `In a second terminal: holdfast streams ls, holdfast explain ${TEST_STREAM}, holdfast fleet --kill ${origins[0]?.name ?? "o1"}`,
    "Ctrl-C stops everything.",
  ].join("\n\n");
}
