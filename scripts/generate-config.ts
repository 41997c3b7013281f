// Usage: npm run generate
//
// Write config/holdfast.yml and config/holdfast.schema.json from the schema in src/config. A test compares them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "yaml";
import { z } from "zod";
import { configSchema } from "../src/config/schema.ts";
import { ROOT, type Section, type Setting } from "../src/config/settings.ts";

const HEAD = `# yaml-language-server: $schema=./holdfast.schema.json
#
# Every setting of a Holdfast origin, with its default, what is allowed, and what it means. A setting without a
# default is commented out and shows an example. An origin needs no file at all: leave out what you do not change.
#
#   Durations   500ms, 5s, 2m, 1h
#   Sizes       64KB, 16MB, 1GB (1KB is 1024 bytes)
#
# Flags win over the environment, the environment over this file, this file over defaults.
# In the environment a setting is HOLDFAST_ + its path, with __ between levels and _ before each capital letter:
# lease.renewEvery is HOLDFAST_LEASE__RENEW_EVERY. With _FILE behind it, the variable names a file that holds the
# value (for secrets): HOLDFAST_CLUSTER__KEY_FILE=/run/secrets/key.
#
#   holdfast serve --config holdfast.yml
#   holdfast config check holdfast.yml     what is wrong, all at once
#   holdfast config show holdfast.yml      every setting and where it comes from
`;

/** What settings without a default look like. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  name: "origin-1",
  "rtmps.port": 1936,
  "rtmps.cert": "/etc/holdfast/fullchain.pem",
  "rtmps.key": "/etc/holdfast/privkey.pem",
  "api.bind": "127.0.0.1",
  "api.token": "a long random text",
  "advertise.rtmp": "{hostname}.media.example.com:1935",
  "advertise.http": "{hostname}.media.example.com:8080",
  "advertise.relay": "{hostname}.internal:1935",
  "advertise.peer": "{hostname}.internal:8080",
  "cluster.key": "another long random text",
  "cluster.previousKey": "the long random text before",
  "redis.url": "redis://:password@redis.internal:6379",
};

/** What the schema says to Holdfast, not to editors. */
const OUR_META = ["allowed", "unit", "secret", "file", "machine"];

/** The text of config/holdfast.yml. */
export function renderYaml(): string {
  return `${HEAD}\n${renderSection(ROOT, "")}`;
}

/** The text of config/holdfast.schema.json, for editors. */
export function renderJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      for (const name of OUR_META) delete jsonSchema[name];
    },
  });
  const properties = schema.properties as Record<string, Record<string, unknown>>;
  // The default of the name is the host name of whoever runs this.
  delete properties["name"]?.["default"];
  return `${JSON.stringify({ ...schema, title: "Holdfast" }, undefined, 2)}\n`;
}

function renderSection(section: Section, indent: string): string {
  const settings = section.settings.map((setting) => renderSetting(setting, indent));
  const sections = section.sections.map(
    (child) => `${indent}${lastName(child.path)}:\n${renderSection(child, `${indent}  `)}`,
  );
  return [...settings, ...sections].join(indent === "" ? "\n" : "");
}

/** What a list of sections looks like; not taken for a setting without a default, since its default is no section. */
const EXAMPLE_ITEMS: Readonly<Record<string, readonly object[]>> = {
  ingests: [
    { stream: "live/cam01", url: "rtsp://user:password@cam01.internal/stream1" },
    {
      stream: "live/cam02",
      url: "rtmp://encoder.internal/app/cam02",
      captureAt: "origin-1",
      overlap: true,
      fallback: ["http://backup.internal/app/cam02.flv"],
    },
  ],
};

/** The columns of a list of sections, and an example of it, as comments. */
function renderItem(path: string, { settings }: Section): string {
  const width = Math.max(...settings.map((field) => field.path.length));
  const columns = settings.map((field) => {
    const standard = field.standard === undefined ? "" : ` (default ${JSON.stringify(field.standard)})`;
    return `#   ${field.path.padEnd(width)}  ${field.description}${standard}`;
  });
  const example = stringify(EXAMPLE_ITEMS[path], { flowCollectionPadding: false, lineWidth: 0 });
  const lines = example.trimEnd().split("\n");
  return [...columns, "# For example:", ...lines.map((line) => `#   ${line}`), ""].join("\n");
}

function renderSetting({ path, description, allowed, standard, item }: Setting, indent: string): string {
  const value = standard ?? EXAMPLES[path];
  if (value === undefined) throw new Error(`${path} has no default: give it an example in EXAMPLES`);
  const text = stringify(
    { [lastName(path)]: value },
    { flowCollectionPadding: false, lineWidth: 0 },
  ).trimEnd();
  const range = allowed
    .replace(/, such as .*/, "")
    .replace(/^a (?:whole number|number|duration|size) from /, "");
  const note = range.startsWith("a text") || range.startsWith("a list") ? "" : ` [${range}]`;
  const columns = item === undefined ? "" : renderItem(path, item);
  return `${indent}# ${description}${note}\n${columns}${indent}${standard === undefined ? "# " : ""}${text}\n`;
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const folder = join(import.meta.dirname, "../config");
  writeFileSync(join(folder, "holdfast.yml"), renderYaml());
  writeFileSync(join(folder, "holdfast.schema.json"), renderJsonSchema());
}
