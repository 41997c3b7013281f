/** What an operator and a newcomer need to know of one kind of key. `docs/redis-keys.md` is made from these. */
export interface KeyEntry {
  /** After the prefix. */
  readonly pattern: string;
  readonly type: "hash" | "set" | "string" | "stream" | "pub/sub";
  readonly ttl: string;
  readonly content: string;
  /** Fields of a hash, with their units. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Lua files, without number and ending, or who else writes it. */
  readonly writtenBy: readonly string[];
  readonly readBy: readonly string[];
  /** How to see it, with the default prefix. */
  readonly look: string;
  /** What may be done to it by hand, and what follows. */
  readonly byHand: string;
}

/** Names of origins and streams that the commands of the page use. */
const ORIGIN = "o1";
const STREAM = "live/cam";
const PREFIX = "{holdfast}";

/** Every key that exists. Nothing else is written. */
export const KEY_TABLE: readonly KeyEntry[] = [
  {
    pattern: "origin:<name>",
    type: "hash",
    ttl: "`lease.ttl` (5 s), renewed every `lease.renewEvery` (1 s)",
    content:
      "**The session** of an origin. While it lives, the origin owns its streams; when it is gone, all are free.",
    fields: {
      name: "name of the origin",
      instance: "random id of the process",
      epoch: "number of this session; a later session of the name has a greater one",
      since: "begin of the session, ms since 1970",
      beat: "heartbeats of this session",
      state: "`up` or `draining`",
      load: "event-loop share in use, 0 to 1",
      streams: "streams owned",
      weight: "share of the fleet's load it should take; 1 is normal",
      rtmp: "public RTMP address, for redirects; empty when it offers none",
      http: "public HTTP address, for HTTP-FLV redirects; empty when it offers none",
      relay: "fleet-internal RTMP address, where the other origins pull",
      peer: "fleet-internal HTTP address, where the other origins ask who lives there",
      version: "version of Holdfast",
      format: "format of this record",
    },
    writtenBy: ["origin-register", "origin-heartbeat", "origin-leave"],
    readBy: ["stream-claim", "streams-touch", "streams-locate", "origins-list", "streams-list"],
    look: `HGETALL ${PREFIX}:origin:${ORIGIN}`,
    byHand:
      "`PTTL` is the time left. `DEL` ends the session: within `lease.renewEvery` the origin notices, registers anew and " +
      "claims its streams again; meanwhile another origin may take them.",
  },
  {
    pattern: "stream:<key>",
    type: "hash",
    ttl: "30 s, touched every 10 s (garbage collection only)",
    content: "**Who owns a stream.** Valid only while `origin:<origin>` lives with the same epoch.",
    fields: {
      origin: "name of the owner",
      epoch: "epoch of the owner's session",
      token: "fencing token: grows with every grant",
      kind: "`publish` or `ingest`",
      since: "begin of this ownership, ms since 1970",
      publisher: "address of the encoder, or URL of the source without credentials",
      codecs: "such as `avc1,mp4a`; empty until the first sequence headers came",
      previous: "who lost the stream to the owner; empty when nobody did",
      takeovers: "take-overs in a row, counted until `countedUntil`",
      pausedUntil: "no take-over before this moment, ms since 1970; 0 when there was none",
      countedUntil: "from this moment on `takeovers` begins at 0 again, ms since 1970",
      rank: "order of the encoder among those of the stream, the least first; 0 where `publish.onDuplicate` is not `standby`",
      stalled: "`1` while the encoder brings nothing, so that one that stands by may go on; else `0`",
      format: "format of this record",
    },
    writtenBy: ["stream-claim", "streams-touch", "streams-release", "stream-describe"],
    readBy: ["stream-claim", "streams-locate"],
    look: `HGETALL ${PREFIX}:stream:${STREAM}`,
    byHand:
      "`DEL` frees the stream. Its owner goes on serving its players, and claims it again with the next touch unless " +
      "another publisher was quicker.",
  },
  {
    pattern: "ingest:<key>",
    type: "hash",
    ttl: "none when defined by API; 60 s when by a config file, refreshed by every origin that has it and by its owner",
    content:
      "**An ingest**: its definition, and what its owner makes of it. While `enabled` is `1`, a publish of the same key " +
      "is refused. The URL may carry credentials.",
    fields: {
      stream: "key of the stream that it feeds: its id",
      url: "`rtmp://`, `rtmps://`, `rtsp://`, `http(s)://….flv`, or `exec:` and a command line",
      captureAt: "origin (or host) that pulls it while it is up; empty when any may",
      weight: "load that it counts for; 1 is normal",
      overlap: "`1`: a move may have two pulls for a moment",
      onDemand: "`1`: pulled only while somebody plays it",
      fallback: "JSON list of URLs for when it runs away from `captureAt`",
      source: "`config` or `api`",
      definedBy: "epoch of the session whose config file it is from; a later file wins",
      assertedUntil: "a config file had it a moment ago: not before this is it gone, ms since 1970",
      enabled: "`1`; `0` while it is paused",
      removed: "when it was removed, ms since 1970; `0` while it is wanted",
      demandUntil: "somebody plays it until then, ms since 1970; only with `onDemand`",
      moveTo: "origin that an operator wants it on, until it is there",
      owner: "who pulls it, or pulled it last",
      epoch: "epoch of the owner's session",
      token: "fencing token of the last grant; a status with another one is refused",
      state: "`idle`, `starting`, `live`, `retrying`, `resting`",
      profile: "`0`: `url`; `1`…: `fallback`",
      error: "why it does not work, without credentials",
      lastMove: "when the owner changed last, ms since 1970",
      why: "why it was begun there",
      marks: "JSON list of origins where it failed: origin, count, until (ms since 1970)",
      format: "format of this record",
    },
    writtenBy: [
      "ingests-assert",
      "ingest-put",
      "ingest-remove",
      "ingest-wish",
      "ingests-demand",
      "ingest-begin",
      "ingest-report",
      "ingests-sweep",
      "hand, to reserve a key",
    ],
    readBy: ["ingests-read", "stream-claim"],
    look: `HGETALL ${PREFIX}:ingest:${STREAM}`,
    byHand:
      "`HSET … enabled 0` pauses it, `enabled 1` resumes it or, without any other field, reserves the key. `DEL` of what a " +
      "config file defines lasts a second; its pull goes on.",
  },
  {
    pattern: "ingests",
    type: "set",
    ttl: "60 s, refreshed; none while there are definitions by API",
    content: "Keys of all ingests. Only an index.",
    writtenBy: ["ingests-assert", "ingest-put", "ingests-sweep"],
    readBy: ["ingests-sweep", "holdfast ingests ls"],
    look: `SMEMBERS ${PREFIX}:ingests`,
    byHand: "`SREM` hides an ingest from the planner: it is pulled on where it is, and is not placed anew.",
  },
  {
    pattern: "plan",
    type: "hash",
    ttl: "60 s, refreshed by the planner every second",
    content: "Where ingests should run. **Advice**: only the holder of a lease pulls.",
    fields: {
      "<key>": "origin that should pull this ingest",
      "_why:<key>": "why there",
      _term: "fencing token of the planner that wrote it",
      _at: "when it was last confirmed, ms since 1970",
      _by: "origin that plans",
    },
    writtenBy: ["plan-write"],
    readBy: ["every origin", "ingest-put", "ingest-remove", "ingest-wish", "ingests-demand", "ingests-sweep"],
    look: `HGETALL ${PREFIX}:plan`,
    byHand:
      "`DEL` is harmless: the planner writes it again within a second, and no pull stops for a missing line.",
  },
  {
    pattern: "lease:<key>",
    type: "string",
    ttl: "`lease.ttl` (5 s), renewed every `lease.renewEvery` (1 s)",
    content:
      "**The right to pull an ingest**: a redlock lock, `<origin>@<epoch>#<token>`, or `reserved:<origin>` for the " +
      "moment of a move. With `redis.lockNodes` it lives on those, and only there.",
    writtenBy: ["redlock, with the scripts of ingest-locks"],
    readBy: ["ingest-begin"],
    look: `GET ${PREFIX}:lease:${STREAM}`,
    byHand:
      "`DEL` ends the lease: its holder stops within a second, and the ingest is pulled anew where the plan says.",
  },
  {
    pattern: "lease:<key>:next",
    type: "string",
    ttl: "10 s",
    content: "The right to pull ahead of a hand-over with `overlap`: the same form.",
    writtenBy: ["redlock, with the scripts of ingest-locks"],
    readBy: ["the new owner"],
    look: `GET ${PREFIX}:lease:${STREAM}:next`,
    byHand: "Nothing to do: it is gone with the hand-over.",
  },
  {
    pattern: "planner",
    type: "string",
    ttl: "`lease.ttl` (5 s), renewed every `lease.renewEvery` (1 s)",
    content:
      "Who plans: a redlock lock, `<origin>@<epoch>#<term>`. With `redis.lockNodes` it lives on those.",
    writtenBy: ["redlock, with the scripts of ingest-locks"],
    readBy: ["plan-write"],
    look: `GET ${PREFIX}:planner`,
    byHand: "`DEL` lets another origin plan. Nothing moves for it.",
  },
  {
    pattern: "origins",
    type: "set",
    ttl: "60 s, refreshed by every heartbeat",
    content: "Names of the fleet's origins. A name may be there whose session is gone.",
    writtenBy: ["origin-register", "origin-heartbeat", "origin-leave"],
    readBy: ["origin-register", "origins-list", "streams-list"],
    look: `SMEMBERS ${PREFIX}:origins`,
    byHand: "`DEL` is harmless: the next heartbeats write it again.",
  },
  {
    pattern: "held:<name>",
    type: "set",
    ttl: "60 s, refreshed by every heartbeat",
    content: "Keys of the streams that an origin owns. Only an index: the record decides.",
    writtenBy: [
      "origin-register",
      "origin-heartbeat",
      "origin-leave",
      "stream-claim",
      "streams-touch",
      "streams-release",
    ],
    readBy: ["streams-list"],
    look: `SMEMBERS ${PREFIX}:held:${ORIGIN}`,
    byHand: "`DEL` hides the origin's streams from lists until the next touch (10 s). Nothing stops.",
  },
  {
    pattern: "lost:<name>@<epoch>",
    type: "set",
    ttl: "30 s, refreshed by the session's heartbeats",
    content:
      "`<token> <key>` of every stream that was taken over from that session, until its origin has acted on it. " +
      "The token is the new owner's.",
    writtenBy: ["stream-claim", "origin-heartbeat", "origin-leave"],
    readBy: ["origin-heartbeat"],
    look: `SMEMBERS ${PREFIX}:lost:${ORIGIN}@EPOCH`,
    byHand: "Leave it alone: without it an old owner learns of its loss only with the next touch.",
  },
  {
    pattern: "epoch",
    type: "string",
    ttl: "none",
    content:
      "The last number given. Epochs and tokens share it: max(last + 1, Redis time in µs, former + 1).",
    writtenBy: ["origin-register", "stream-claim", "token-draw", "ingest-begin"],
    readBy: ["origin-register", "stream-claim", "token-draw"],
    look: `GET ${PREFIX}:epoch`,
    byHand: "Never lower it. `DEL` is survived: the clock goes on from a greater number.",
  },
  {
    pattern: "boot",
    type: "string",
    ttl: "none",
    content: "`<run_id> <since, ms>`: the Redis process that gave the last epoch, and since when it does.",
    writtenBy: ["origin-register"],
    readBy: ["origin-register"],
    look: `GET ${PREFIX}:boot`,
    byHand: "`DEL` is harmless: the next registration writes it again.",
  },
  {
    pattern: "events",
    type: "stream",
    ttl: "none; about the newest 10,000 entries",
    content:
      "Every change of ownership: `registered`, `left`, `claimed`, `taken-over`, `released`, each with the origin, its " +
      "epoch, the token, the reason and who did it; `taken-over` also with the previous owner.",
    writtenBy: ["origin-register", "origin-leave", "stream-claim", "streams-release"],
    readBy: ["holdfast events", "holdfast explain"],
    look: `XREVRANGE ${PREFIX}:events + - COUNT 20`,
    byHand:
      "`XTRIM … MAXLEN 0` forgets the history and nothing else. Do not `DEL` it while `holdfast events -f` runs.",
  },
  {
    pattern: "notify:<name>",
    type: "pub/sub",
    ttl: "-",
    content:
      "Wake-ups for an origin: `taken-over <token> <key>`. Never the only carrier of a fact: `lost:` says the same.",
    writtenBy: ["stream-claim"],
    readBy: ["every origin, its own"],
    look: `SUBSCRIBE ${PREFIX}:notify:${ORIGIN}`,
    byHand: "Nothing to do.",
  },
];

/** What a Redis user of a fleet needs besides its keys and channels, as `ACL SETUSER` takes it. */
export const LEAST_RIGHTS: readonly string[] = [
  ...["+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+info", "+time", "+config|get"],
  ...["+cluster|slots", "+cluster|info"],
];

/** The names of all keys under one prefix. A prefix is one hash tag, so all of them share a slot in Redis Cluster. */
export interface Keys {
  /** What every key begins with. Scripts that find further keys on the way get it and derive them. */
  readonly root: string;
  readonly origins: string;
  readonly epoch: string;
  readonly boot: string;
  readonly events: string;
  readonly ingests: string;
  readonly plan: string;
  origin(name: string): string;
  stream(key: string): string;
  ingest(key: string): string;
  held(name: string): string;
  lost(name: string, epoch: number): string;
  notify(name: string): string;
}

/** @param prefix a hash tag such as `{holdfast}` */
export function keysOf(prefix: string): Keys {
  const root = `${prefix}:`;
  return {
    root,
    origins: `${root}origins`,
    epoch: `${root}epoch`,
    boot: `${root}boot`,
    events: `${root}events`,
    ingests: `${root}ingests`,
    plan: `${root}plan`,
    origin: (name) => `${root}origin:${name}`,
    stream: (key) => `${root}stream:${key}`,
    ingest: (key) => `${root}ingest:${key}`,
    held: (name) => `${root}held:${name}`,
    lost: (name, epoch) => `${root}lost:${name}@${epoch}`,
    notify: (name) => `${root}notify:${name}`,
  };
}
