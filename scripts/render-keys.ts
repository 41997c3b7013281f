import { KEY_TABLE } from "../src/registry/key-table.ts";
import { LEAST_RIGHTS } from "../src/registry/keys.ts";
import type { KeyEntry } from "../src/registry/key-entry.ts";

const INTRODUCTION = `<!-- Made by scripts/keys-doc.ts from src/registry/keys.ts. Change that. -->

# What Holdfast keeps in Redis

All keys begin with \`redis.prefix\`, \`{holdfast}:\` unless it was changed. The braces are a hash tag: in Redis Cluster
all keys share one slot, so that every transition is one script. Another prefix is another fleet.

Nothing here is needed after the fleet is gone: 60 s later only \`events\`, \`epoch\` and \`boot\` are left.
`;

const QUESTIONS = `## Three questions, one line each

Who owns \`live/cam\`, how long does its owner's session last without renewal, and what happened?

\`\`\`sh
redis-cli HGETALL '{holdfast}:stream:live/cam'
redis-cli PTTL '{holdfast}:origin:o1'
redis-cli XREVRANGE '{holdfast}:events' + - COUNT 20
\`\`\`

The record of a stream counts only while \`origin:<its origin>\` exists **with the same epoch**. A record whose owner is
gone is garbage that expires by itself.
`;

const RIGHTS = `## A Redis user for the fleet

The least that it needs (\`cluster\` only with Redis Cluster; without \`config\` Holdfast cannot see whether Redis
saves to disk, and says so):

\`\`\`sh
redis-cli ACL SETUSER holdfast on '>PASSWORD' '~{holdfast}:*' '&{holdfast}:notify:*' \\
  ${LEAST_RIGHTS.map((right) => (right.includes("|") ? `'${right}'` : right)).join(" ")}
\`\`\`
`;

/** The text of docs/redis-keys.md, before prettier. */
export function renderKeys(): string {
  return [INTRODUCTION, summary(), QUESTIONS, "## Every key", "", ...KEY_TABLE.map(section), RIGHTS].join(
    "\n",
  );
}

function summary(): string {
  const rows = KEY_TABLE.map(
    ({ pattern, type, ttl }) => `| [\`${pattern}\`](#${anchor(pattern)}) | ${type} | ${ttl} |`,
  );
  return ["| key | type | time to live |", "|---|---|---|", ...rows, ""].join("\n");
}

function section(entry: KeyEntry): string {
  const fields = Object.entries(entry.fields ?? {}).map(
    ([field, meaning]) => `| \`${field}\` | ${meaning} |`,
  );
  return [
    `### \`${entry.pattern}\``,
    "",
    entry.content,
    "",
    ...(fields.length > 0 ? ["| field | meaning |", "|---|---|", ...fields, ""] : []),
    `- Type: ${entry.type}. Time to live: ${entry.ttl}.`,
    `- Written by ${list(entry.writtenBy)}. Read by ${list(entry.readBy)}.`,
    `- Look: \`redis-cli ${quote(entry.look)}\``,
    `- By hand: ${entry.byHand}`,
    "",
  ].join("\n");
}

/** Scripts are shown as code, everything else as words. */
function list(names: readonly string[]): string {
  return names.map((name) => (/^[a-z]+(-[a-z]+)+$/.test(name) ? `\`${name}\`` : name)).join(", ");
}

/** Braces and stars mean something to a shell. */
function quote(command: string): string {
  return command.replace(/\{\S+/, (key) => `'${key}'`);
}

/** As GitHub makes anchors of headings. */
function anchor(pattern: string): string {
  return pattern.toLowerCase().replace(/[^a-z0-9-]/g, "");
}
