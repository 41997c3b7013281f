import { ORIGIN, PREFIX, STREAM, type KeyEntry } from "./key-entry.ts";

/** redlock runs them, except the last. */
const LEASE_SCRIPTS = ["lease-acquire", "lease-extend", "lease-heal", "lease-release", "lease-bury"] as const;

/** The keys of ingests: definitions, leases and the plan. */
export const INGEST_KEYS: readonly KeyEntry[] = [
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
    readBy: ["ingests-read", "stream-claim", "streams-locate"],
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
    readBy: [
      "origin-register",
      "every origin",
      "ingest-put",
      "ingest-remove",
      "ingest-wish",
      "ingests-demand",
      "ingests-sweep",
    ],
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
      "moment of a move. With lock nodes it lives on those, and only there.",
    writtenBy: [...LEASE_SCRIPTS],
    readBy: ["ingest-begin", "lease-inspect", "stream-claim"],
    look: `GET ${PREFIX}:lease:${STREAM}`,
    byHand:
      "`DEL` ends the lease: its holder stops within a second, and the ingest is pulled anew where the plan says.",
  },
  {
    pattern: "lease:<key>:next",
    type: "string",
    ttl: "10 s",
    content: "The right to pull ahead of a hand-over with `overlap`: the same form.",
    writtenBy: [...LEASE_SCRIPTS],
    readBy: ["the new owner", "ingest-begin", "lease-inspect", "stream-claim"],
    look: `GET ${PREFIX}:lease:${STREAM}:next`,
    byHand: "Nothing to do: it is gone with the hand-over.",
  },
  {
    pattern: "lease:<key>:ready",
    type: "string",
    ttl: "10 s",
    content:
      "Whoever pulls ahead of a hand-over with `overlap` has a keyframe: the owner may let go. The same form.",
    writtenBy: [...LEASE_SCRIPTS],
    readBy: ["the present owner", "ingest-begin", "lease-inspect", "stream-claim"],
    look: `GET ${PREFIX}:lease:${STREAM}:ready`,
    byHand: "Nothing to do: it is gone with the hand-over.",
  },
  {
    pattern: "planner",
    type: "string",
    ttl: "`lease.ttl` (5 s), renewed every `lease.renewEvery` (1 s)",
    content: "Who plans: a redlock lock, `<origin>@<epoch>#<term>`. With lock nodes it lives on those.",
    writtenBy: ["the same scripts as a lease"],
    readBy: ["plan-write"],
    look: `GET ${PREFIX}:planner`,
    byHand: "`DEL` lets another origin plan. Nothing moves for it.",
  },
  {
    pattern: "buried:<name>@<epoch>",
    type: "string",
    ttl: "60 s",
    content: "That this session was proven dead, and its leases ended here: it cannot put one back.",
    writtenBy: ["lease-bury"],
    readBy: ["lease-heal"],
    look: `EXISTS ${PREFIX}:buried:${ORIGIN}@1795246974892123`,
    byHand: "Nothing to do.",
  },
];
