import { play, publish, type Played } from "./loadgen.ts";
import { fixed, type Findings } from "./report.ts";
import { startFloor, startOrigin, type Server } from "./servers.ts";
import { SERVER_CORE } from "./tools.ts";

interface Point {
  readonly server: string;
  readonly windowMs: number;
  readonly mbps: number;
  /** Writes per player and second. */
  readonly writes: number;
  readonly played: Played;
}

/** us per player and second = `write` x writes + `mbps` x Mbps. */
interface Model {
  readonly write: number;
  readonly mbps: number;
}

const POINTS: readonly (readonly [windowMs: number, kbps: number])[] = [
  [0, 1_000],
  [20, 1_000],
  [50, 1_000],
  [100, 1_000],
  [350, 1_000],
  [100, 4_000],
  [350, 4_000],
];
const FRAMES = 30;
/** AAC frames of 1,024 samples at 44.1 kHz. */
const SOUNDS = 44_100 / 1_024;

/** Measure the fan-out at several windows and bit rates, and fit what a write and what a Mbps costs. */
export async function measureModel(plan: { players: number; seconds: number }): Promise<Findings> {
  const points: Point[] = [];
  for (const [windowMs, kbps] of POINTS) {
    const env = { HOLDFAST_FANOUT__MAX_WINDOW: `${windowMs}ms` };
    points.push(
      await measure(() => startOrigin({ name: "holdfast", core: SERVER_CORE, env }), windowMs, kbps, plan),
    );
    points.push(await measure(() => startFloor(windowMs, SERVER_CORE), windowMs, kbps, plan));
  }
  const isFloor = ({ server }: Point) => server.startsWith("C floor");
  const models = {
    holdfast: fit(points.filter((point) => !isFloor(point))),
    "C floor": fit(points.filter(isFloor)),
  };
  const modelOf = (point: Point) => models[isFloor(point) ? "C floor" : "holdfast"];
  return {
    tables: [
      {
        title:
          "us of CPU per player and second = us per write x writes + us per Mbps x Mbps, by least squares",
        rows: Object.entries(models).map(([server, { write, mbps }]) => ({
          server,
          "us per write": fixed(write),
          "us per Mbps": fixed(mbps),
        })),
      },
      {
        title: `What it was fitted to: ${plan.players} RTMP players of one stream`,
        rows: points.map((point) => {
          const { write, mbps } = modelOf(point);
          return {
            server: isFloor(point) ? "C floor" : "holdfast",
            "window ms": point.windowMs,
            Mbps: fixed(point.mbps),
            "writes/s": fixed(point.writes),
            "us/player/s": fixed(point.played.us_per_player_s),
            model: fixed(write * point.writes + mbps * point.mbps),
            core: `${fixed(point.played.util * 100, 0)} %`,
            "p50 ms": fixed(point.played.p50),
            "p99 ms": fixed(point.played.p99),
          };
        }),
      },
    ],
    verdicts: [],
    raw: { models, points },
  };
}

async function measure(
  start: () => Promise<Server>,
  windowMs: number,
  kbps: number,
  { players, seconds }: { players: number; seconds: number },
): Promise<Point> {
  const server = await start();
  try {
    const publisher = await publish(server, { kbps });
    const played = await play(server, { players, settle: 3, window: seconds }).result();
    await publisher.stop();
    const ticks = server.name.startsWith("C floor");
    const writes = windowMs > 0 && ticks ? ticksPerSecond(windowMs) : flushesPerSecond(windowMs);
    return { server: server.name, windowMs, mbps: played.mbps / players, writes, played };
  } finally {
    await server.stop();
  }
}

/** When messages leave the encoder, in ms, over ten seconds. */
function messageTimes(): number[] {
  const times = (perSecond: number) =>
    Array.from({ length: 10 * perSecond }, (_, i) => (i * 1_000) / perSecond);
  return [...times(FRAMES), ...times(SOUNDS)].sort((a, b) => a - b);
}

/** A window begins with the first message after the last flush. */
function flushesPerSecond(windowMs: number): number {
  let flushes = 0;
  let ends = -1;
  for (const time of messageTimes()) {
    if (windowMs > 0 && time <= ends) continue;
    flushes += 1;
    ends = time + windowMs;
  }
  return flushes / 10;
}

/** The C floor flushes on a clock, when there is something. */
function ticksPerSecond(windowMs: number): number {
  return new Set(messageTimes().map((time) => Math.floor(time / windowMs))).size / 10;
}

/** Least squares without a constant: no writes and no bytes cost nothing. */
function fit(points: readonly Point[]): Model {
  const sum = (pick: (point: Point) => number) => points.reduce((total, point) => total + pick(point), 0);
  const cost = ({ played }: Point) => played.us_per_player_s;
  const ww = sum(({ writes }) => writes ** 2);
  const bb = sum(({ mbps }) => mbps ** 2);
  const wb = sum(({ writes, mbps }) => writes * mbps);
  const wc = sum((point) => point.writes * cost(point));
  const bc = sum((point) => point.mbps * cost(point));
  const determinant = ww * bb - wb ** 2;
  return { write: (wc * bb - bc * wb) / determinant, mbps: (bc * ww - wc * wb) / determinant };
}
