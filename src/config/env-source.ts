import { readFileSync } from "node:fs";
import { reasonOf } from "./file-source.ts";
import { fromText, problemAt } from "./given.ts";
import type { Given, Harvest } from "./given.ts";
import { SETTINGS } from "./settings.ts";
import type { Setting } from "./settings.ts";
import { closest } from "./suggest.ts";
import { formatSize } from "./units.ts";

const PREFIX = "HOLDFAST_";
/** The configuration file itself. */
export const FILE_VARIABLE = "HOLDFAST_CONFIG";
const MAX_SECRET_BYTES = 65_536;
const MAX_LIST_BYTES = 8 * 1_048_576;
// Kubernetes puts these into every pod beside a service whose name begins with "holdfast".
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?$/;
const SERVICE_LINK_VALUE = /^(?:tcp|udp|sctp):\/\//;

/**
 * Read the settings in the environment: `HOLDFAST_` + path, `__` between levels, `_x` for a capital letter.
 * With `_FILE` behind it, the variable names a file that holds the value. Empty variables count as not set.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Harvest {
  const given = new Map<string, Given>();
  const problems: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || variable === FILE_VARIABLE || !text) continue;
    if (SERVICE_LINK.test(variable) || SERVICE_LINK_VALUE.test(text)) continue;
    const answer = readVariable(variable, text);
    if (typeof answer === "string") problems.push(answer);
    else if (given.has(answer.setting.path)) {
      const { variable: plain, path } = answer.setting;
      problems.push(problemAt(`${plain} (environment)`, path, `is given twice, also by ${plain}_FILE`));
    } else given.set(answer.setting.path, answer);
  }
  return { given: [...given.values()], problems, warnings: [] };
}

/** The value, or the problem with it. */
function readVariable(variable: string, text: string): Given | string {
  const place = `${variable} (environment)`;
  const setting = SETTINGS.find((one) => one.variable === variable);
  if (setting !== undefined) return { setting, value: fromText(setting, text), place };
  const fromFile = SETTINGS.find((one) => `${one.variable}_FILE` === variable);
  if (fromFile === undefined) return problemAt(place, "", unknownVariable(variable));
  if (fromFile.file) {
    return problemAt(place, fromFile.path, `is the path of a file already: use ${fromFile.variable}`);
  }
  return readSecretFile(fromFile, text, place);
}

function readSecretFile(setting: Setting, file: string, place: string): Given | string {
  try {
    const bytes = readFileSync(file);
    const most = setting.kind === "sections" ? MAX_LIST_BYTES : MAX_SECRET_BYTES;
    if (bytes.length > most)
      return problemAt(place, setting.path, `${file} is larger than ${formatSize(most)}`);
    const text = bytes.toString("utf8").trim();
    if (text === "") return problemAt(place, setting.path, `${file} is empty`);
    return { setting, value: fromText(setting, text), place };
  } catch (error) {
    return problemAt(place, setting.path, `${file} cannot be read: ${reasonOf(error)}`);
  }
}

function unknownVariable(variable: string): string {
  const known = SETTINGS.flatMap((one) =>
    one.file ? [one.variable] : [one.variable, `${one.variable}_FILE`],
  );
  const meant = closest(variable, known) ?? known.find((one) => plain(one) === plain(variable));
  const hint = meant === undefined ? "`holdfast config show` lists the settings" : `did you mean ${meant}?`;
  return `is not a setting; ${hint}`;
}

function plain(variable: string): string {
  return variable.replaceAll("_", "");
}
