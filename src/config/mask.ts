import { maskSourceUrl } from "../domain/source-url.ts";
import type { Section, Setting } from "./settings.ts";

const MASK = "********";
const SECRET_PARAMETER = /([?&](?:[^=&\s]*(?:pass|secret|token|key|auth)[^=&\s]*)=)[^&\s]*/gi;

/** A URL without what opens doors: the user's password, and secrets in the query. Works on several hosts, too. */
export function maskUrl(url: string): string {
  // The last "@" ends the credentials: a password that was not percent-encoded may hold "@" and "/" itself.
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)(.*)@/i, (_, scheme: string, credentials: string) => {
      const colon = credentials.indexOf(":");
      return colon < 0 ? `${scheme}${MASK}@` : `${scheme}${credentials.slice(0, colon)}:${MASK}@`;
    })
    .replaceAll(SECRET_PARAMETER, `$1${MASK}`);
}

/** A setting's value as people may see it. */
export function maskValue(setting: Setting, value: unknown): unknown {
  const { item, secret } = setting;
  if (value === undefined) return value;
  if (item !== undefined) return Array.isArray(value) ? value.map((one) => maskSection(item, one)) : MASK;
  if (secret === false) return value;
  if (Array.isArray(value)) return value.map((one) => maskText(secret, one));
  return maskText(secret, value);
}

function maskText(secret: Setting["secret"], value: unknown): string {
  if (typeof value !== "string" || secret === true) return MASK;
  return secret === "url" ? maskUrl(value) : maskSourceUrl(value);
}

function maskSection(section: Section, value: unknown): unknown {
  if (value === null || typeof value !== "object") return MASK;
  const shown = section.settings.flatMap((setting): [string, unknown][] =>
    Object.hasOwn(value, setting.path)
      ? [[setting.path, maskValue(setting, (value as Record<string, unknown>)[setting.path])]]
      : [],
  );
  return Object.fromEntries(shown);
}
