import { INGEST_KEYS } from "./ingest-key-table.ts";
import { ORIGIN, PREFIX, STREAM, type KeyEntry } from "./key-entry.ts";

/** The keys of sessions and streams, and of what the whole fleet shares. */
const STREAM_KEYS: readonly KeyEntry[] = [
  {
    pattern: "origin:<name>",
    type: "hash",
    ttl: "`lease.ttl` (5 s), renewed every `lease.renewEvery` (1 s)",
    content:
      "**The session** of an origin. While it lives, the origin owns its streams; when it is gone, all are free.",
    fields: {
      name: "name of the origin",
      host: "name of the host whose worker it is (`holdfast serve --workers`), else its own",
      instance: "random id of the process",
      epoch: "number of this session; a later session of the name has a greater one",
      since: "begin of the session, ms since 1970",
      beat: "heartbeats of this session",
      state: "`up` or `draining`",
      load: "event-loop share in use, 0 to 1",
      streams: "streams owned",
      wish: "`<number> <state>`: what an operator wants it to be, `draining` or `up`; absent when nobody wished",
      weight: "share of the fleet's load it should take; 1 is normal",
      rtmp: "public RTMP address, for redirects; empty when it offers none",
      http: "public HTTP address, for HTTP-FLV redirects; empty when it offers none",
      relay: "fleet-internal RTMP address, where the other origins pull",
      peer: "fleet-internal HTTP address, where the other origins ask who lives there",
      version: "version of Holdfast",
      format: "format of this record",
    },
    writtenBy: ["origin-register", "origin-heartbeat", "origin-leave", "origin-bury", "origin-wish"],
    readBy: [
      "origin-suspect",
      "stream-kick",
      "stream-claim",
      "streams-touch",
      "streams-locate",
      "origins-list",
      "streams-list",
      "ingest-begin",
      "ingests-assert",
      "plan-write",
      "token-draw",
    ],
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
    readBy: ["stream-kick", "stream-claim", "streams-locate"],
    look: `HGETALL ${PREFIX}:stream:${STREAM}`,
    byHand:
      "`DEL` frees the stream. Its owner goes on serving its players, and claims it again with the next touch unless " +
      "another publisher was quicker.",
  },
  {
    pattern: "origins",
    type: "set",
    ttl: "60 s, refreshed by every heartbeat",
    content: "Names of the fleet's origins. A name may be there whose session is gone.",
    writtenBy: ["origin-register", "origin-heartbeat", "origin-leave", "origin-bury"],
    readBy: ["origin-register", "origins-list", "origins-wake", "streams-list"],
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
      "origin-bury",
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
    writtenBy: ["stream-claim", "origin-heartbeat", "origin-leave", "origin-bury"],
    readBy: ["origin-heartbeat"],
    look: `SMEMBERS ${PREFIX}:lost:${ORIGIN}@EPOCH`,
    byHand: "Leave it alone: without it an old owner learns of its loss only with the next touch.",
  },
  {
    pattern: "kicks:<name>@<epoch>",
    type: "set",
    ttl: "30 s",
    content:
      "`<token> <key>` of streams whose encoder an operator wants disconnected, for that session. Told with every " +
      "heartbeat; counts only while the token is the present one.",
    writtenBy: ["stream-kick"],
    readBy: ["origin-heartbeat"],
    look: `SMEMBERS ${PREFIX}:kicks:${ORIGIN}@EPOCH`,
    byHand: "`DEL` takes kicks back that were not heard yet.",
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
      "epoch, the token, the reason and who did it; `taken-over` also with the previous owner. And `wished`: what an " +
      "operator asked for.",
    writtenBy: [
      "origin-register",
      "origin-leave",
      "origin-bury",
      "origin-wish",
      "stream-claim",
      "stream-kick",
      "streams-release",
      "ingest-begin",
      "ingest-put",
      "ingest-remove",
      "ingest-report",
      "ingest-wish",
      "ingests-assert",
      "ingests-sweep",
    ],
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
      "Wake-ups for an origin: `taken-over <token> <key>`, `wished`, `suspected`, `ingests`. Never the only carrier of a fact: " +
      "`lost:`, `kicks:`, the session and the plan say the same.",
    writtenBy: [
      "stream-claim",
      "origin-register",
      "origin-leave",
      "origin-suspect",
      "origins-wake",
      "origin-wish",
      "stream-kick",
      "ingest-put",
      "ingest-remove",
      "ingest-wish",
      "ingests-demand",
      "ingests-sweep",
      "plan-write",
    ],
    readBy: ["every origin, its own"],
    look: `SUBSCRIBE ${PREFIX}:notify:${ORIGIN}`,
    byHand: "Nothing to do.",
  },
];

/** Every key that exists. Nothing else is written. */
export const KEY_TABLE: readonly KeyEntry[] = [...STREAM_KEYS, ...INGEST_KEYS];
