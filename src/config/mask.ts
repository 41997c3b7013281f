import type { Setting } from "./settings.ts";

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
  if (value === undefined || setting.secret === false) return value;
  return setting.secret === "url" && typeof value === "string" ? maskUrl(value) : MASK;
}
