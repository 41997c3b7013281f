import { Counts, type Sample } from "./counts.ts";
import { one, type MetricFamily } from "./metric-family.ts";
import { INGEST_FAMILIES } from "./metric-families-ingests.ts";
import type { StreamNumbers } from "./metric-sources.ts";

const STATES = ["published", "ingested", "relayed", "held", "standby"] as const;
/** Upper bounds of the fan-out windows that are told apart, in ms. */
const WINDOWS = [0, 10, 25, 50, 100, Infinity] as const;

/** All that is not a histogram and not about single streams. */
export const FAMILIES: readonly MetricFamily[] = [
  {
    type: "gauge",
    name: "holdfast_ready",
    help: "1 while new streams can be taken, as /readyz says",
    labels: [],
    read: (sources) => one(sources.ready()),
  },
  {
    type: "gauge",
    name: "holdfast_session_live",
    help: "1 while this origin is registered and nobody else can own its streams",
    labels: [],
    read: ({ session }) => one(session.live),
  },
  {
    type: "gauge",
    name: "holdfast_registry_available",
    help: "1 when the last command to the registry was answered",
    labels: [],
    read: ({ registry }) => one(registry.available),
  },
  {
    type: "gauge",
    name: "holdfast_connections",
    help: "Open connections by port: rtmp (rtmps too), http, api",
    labels: ["port"],
    read: ({ doors }) => Object.entries(doors).map(([port, { open }]) => ({ labels: { port }, value: open })),
  },
  {
    type: "counter",
    name: "holdfast_connections_refused_total",
    help: "Connections that were reset at the door by port and reason: a limit on connections",
    labels: ["port", "reason"],
    read: ({ doors }) =>
      Object.entries(doors).flatMap(([port, { refused }]) =>
        [...refused].map(({ labels, value }) => ({ labels: { port, ...labels }, value })),
      ),
  },
  {
    type: "gauge",
    name: "holdfast_sessions",
    help: "Open sessions by protocol and role: publisher, player, relay (another origin that pulls), none (not yet or not any more)",
    labels: ["protocol", "role"],
    read: ({ sessions }) => sessions.flatMap(({ open }) => [...open]),
  },
  {
    type: "counter",
    name: "holdfast_session_ends_total",
    help: "Ended sessions by protocol, by the role that was asked for, and by code",
    labels: ["protocol", "role", "code"],
    read: ({ sessions }) => sessions.flatMap(({ ends }) => [...ends]),
  },
  {
    type: "counter",
    name: "holdfast_received_bytes_total",
    help: "Bytes received from publishers, players and other origins that pull, by protocol",
    labels: ["protocol"],
    read: ({ sessions }) => sessions.flatMap(({ received }) => [...received]),
  },
  {
    type: "counter",
    name: "holdfast_sent_bytes_total",
    help: "Bytes given to the sockets of publishers, players and other origins that pull, by protocol",
    labels: ["protocol"],
    read: ({ sessions }) => sessions.flatMap(({ sent }) => [...sent]),
  },
  {
    type: "gauge",
    name: "holdfast_half_received_bytes",
    help: "Memory of messages that have not arrived whole",
    labels: [],
    read: ({ halfReceived }) => one(halfReceived.taken),
  },
  {
    type: "gauge",
    name: "holdfast_read_window_seconds",
    help: "How long what a source sends is left to collect before it is read; 0: all is read at once",
    labels: [],
    read: ({ reads }) => one(reads.window / 1_000),
  },
  {
    type: "gauge",
    name: "holdfast_channels",
    help: "Streams inside this origin by state: published here, ingested here, relayed from their owner, held without a source, standby without players",
    labels: ["state"],
    read: (sources) => channelsByState(sources.streams()),
  },
  {
    type: "gauge",
    name: "holdfast_standbys",
    help: "Encoders that stand by for a stream that another one feeds",
    labels: [],
    read: (sources) => one(sources.streams().reduce((sum, { standbys }) => sum + standbys.length, 0)),
  },
  {
    type: "gauge",
    name: "holdfast_fanout_players",
    help: "Players of all channels, other origins that pull included",
    labels: [],
    read: ({ channels }) => one(channels.players),
  },
  {
    type: "gauge",
    name: "holdfast_fanout_channels",
    help: "Channels by their present fan-out window: at most so many ms; 0 sends every message at once",
    labels: ["window"],
    read: ({ channels }) => channelsByWindow(channels.windows()),
  },
  {
    type: "counter",
    name: "holdfast_fanout_writes_total",
    help: "Batches given to players: what fan-out costs",
    labels: [],
    read: ({ channels }) => one(channels.fanout.writes),
  },
  {
    type: "counter",
    name: "holdfast_fanout_bytes_total",
    help: "Bytes of these batches",
    labels: [],
    read: ({ channels }) => one(channels.fanout.bytes),
  },
  {
    type: "counter",
    name: "holdfast_fanout_skips_total",
    help: "Batches that a player did not get: it reads too slowly, is paused, or waits for a keyframe",
    labels: [],
    read: ({ channels }) => one(channels.fanout.skips),
  },
  {
    type: "gauge",
    name: "holdfast_gop_cache_bytes",
    help: "Memory kept of all streams since their last keyframes, for players that join",
    labels: [],
    read: ({ channels }) => one(channels.gopBytes),
  },
  {
    type: "counter",
    name: "holdfast_gop_drops_total",
    help: "Groups dropped because all streams together kept more than gop.maxTotal: players that join wait for a keyframe",
    labels: [],
    read: ({ channels }) => one(channels.gopDrops),
  },
  ...INGEST_FAMILIES,
];

/** About single streams, for those who have asked for it. `most`: the streams with the most players. */
export function streamFamilies(most: number): readonly MetricFamily[] {
  return [
    {
      type: "gauge",
      name: "holdfast_stream_players",
      help: "Players of a stream, by stream and by its state here",
      labels: ["stream", "state"],
      read: (sources) =>
        shown(sources.streams(), most).map(({ stream, state, players }) => ({
          labels: { stream, state },
          value: players,
        })),
    },
    {
      type: "gauge",
      name: "holdfast_streams_not_shown",
      help: "Streams beyond metrics.streamsMost, which have no series of their own",
      labels: [],
      read: (sources) => one(Math.max(0, sources.streams().length - most)),
    },
  ];
}

function shown(streams: readonly StreamNumbers[], most: number): readonly StreamNumbers[] {
  if (streams.length <= most) return streams;
  return streams.toSorted((first, second) => second.players - first.players).slice(0, most);
}

function channelsByState(streams: readonly StreamNumbers[]): Iterable<Sample> {
  const counts = new Counts<{ state: string }>();
  for (const state of STATES) counts.add({ state }, 0);
  for (const { state } of streams) counts.add({ state });
  return counts;
}

function channelsByWindow(windows: Iterable<number>): Iterable<Sample> {
  const counts = new Counts<{ window: string }>();
  for (const bound of WINDOWS) counts.add({ window: nameOf(bound) }, 0);
  for (const window of windows)
    counts.add({ window: nameOf(WINDOWS.find((bound) => window <= bound) ?? Infinity) });
  return counts;
}

function nameOf(bound: number): string {
  return bound === Infinity ? "more" : String(bound);
}
