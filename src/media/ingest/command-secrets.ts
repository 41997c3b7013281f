const MASK = "***";
const URL_TEXT = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s'"<>|]+)/gi;
const SECRET_NAME =
  /pass(?!log|through)|secret|token|key(?!int|_?frame)|auth|cookie|credential|signature|headers/i;
const ASSIGNED =
  /([\w-]*(?:pass|secret|token|key|auth|cookie|credential)[\w-]*["']?\s*[=:]\s*["']?)(?:(?:basic|bearer|digest)\s+)?[^\s,;&'"]*[^\s,;&'":]/gi;
/** Shorter values of a query, such as `mode=caller`, are seldom secret, and words of every sentence. */
const LONG_VALUE = 8;
/** Less than this is no secret, but a part of many words. */
const SHORTEST = 3;

/** Takes out of a text what the command line has of credentials, and whatever else looks like one. */
export function maskerOf(words: readonly string[]): (text: string) => string {
  // The longest first: one may be a part of another.
  const secrets = [...secretsOf(words)].sort((one, other) => other.length - one.length);
  return (text) => {
    let masked = text;
    for (const secret of secrets) masked = masked.replaceAll(secret, MASK);
    masked = masked.replaceAll(URL_TEXT, (_, scheme: string, rest: string) => {
      // Programs write `URL: what happened`.
      const end = /[:;,.)]*$/.exec(rest)?.index ?? rest.length;
      return scheme + maskRest(rest.slice(0, end)) + rest.slice(end);
    });
    return masked.replaceAll(ASSIGNED, `$1${MASK}`);
  };
}

function secretsOf(words: readonly string[]): Set<string> {
  const secrets = new Set<string>();
  const add = (value: string): void => {
    for (const form of [value, decoded(value)]) if (form.length >= SHORTEST) secrets.add(form);
  };
  for (const [index, word] of words.entries()) {
    // The value of an option such as -passphrase, or --password=…
    const option = /^--?([\w:-]+)(?:=(.*))?$/s.exec(word);
    if (option && SECRET_NAME.test(option[1] as string)) {
      add(option[2] ?? words[index + 1] ?? "");
    }
    for (const [, , rest = ""] of word.matchAll(URL_TEXT)) {
      const user = /^([^/?]*)@/.exec(rest)?.[1];
      if (user !== undefined) {
        add(user);
        add(user.slice(user.indexOf(":") + 1));
      }
      const query = rest.includes("?") ? rest.slice(rest.indexOf("?") + 1) : "";
      for (const pair of query.split("&")) {
        const equals = pair.indexOf("=");
        const value = pair.slice(equals + 1);
        if (value.length >= LONG_VALUE || SECRET_NAME.test(pair.slice(0, Math.max(0, equals)))) add(value);
      }
    }
  }
  return secrets;
}

/** What follows the `//` of a URL, without user and values of the query. */
function maskRest(rest: string): string {
  const at = rest.search(/[/?]/);
  const host = at < 0 ? rest : rest.slice(0, at);
  const shownHost = host.includes("@") ? `${MASK}@${host.slice(host.lastIndexOf("@") + 1)}` : host;
  const [path = "", ...query] = (at < 0 ? "" : rest.slice(at)).split("?");
  const shownQuery = query.length === 0 ? "" : `?${query.join("?").replaceAll(/=[^&]*/g, `=${MASK}`)}`;
  return shownHost + path + shownQuery;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
