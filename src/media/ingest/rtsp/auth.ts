import { createHash, randomBytes } from "node:crypto";

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What a server wants to see. */
export interface Challenge {
  readonly scheme: "basic" | "digest";
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly hash: "md5" | "sha256";
  /** As the server wrote it; `undefined` when it did not. */
  readonly algorithm: string | undefined;
  /** Whether the server asks for `qop=auth`. */
  readonly qop: boolean;
}

const SCHEME = /(?:^|,)\s*(basic|digest)\s+/gi;
/** Names are short: without that bound, time would grow with the square of a header that holds no `=`. */
const PARAMETER = /([a-z0-9_-]{1,32})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi;
const HASHES: Readonly<Record<string, Challenge["hash"]>> = Object.freeze({
  md5: "md5",
  "sha-256": "sha256",
});

/**
 * The strongest challenge that can be answered: Digest with SHA-256, with MD5, Basic; `undefined` when none can.
 *
 * @param headers  values of WWW-Authenticate
 * @see RFC 7616 §3.3, RFC 7617, RFC 2069 (without qop)
 */
export function chooseChallenge(headers: readonly string[]): Challenge | undefined {
  const all = headers.flatMap((header) => readChallenges(header));
  return (
    all.find(({ scheme, hash }) => scheme === "digest" && hash === "sha256") ??
    all.find(({ scheme }) => scheme === "digest") ??
    all.find(({ scheme }) => scheme === "basic")
  );
}

function readChallenges(header: string): Challenge[] {
  const starts = [...header.matchAll(SCHEME)];
  return starts.flatMap((start, index) => {
    const text = header.slice(start.index + start[0].length, starts[index + 1]?.index);
    const parameters = new Map<string, string>();
    for (const [, name = "", quoted, plain] of text.matchAll(PARAMETER))
      parameters.set(name.toLowerCase(), quoted ?? plain ?? "");
    const challenge = challengeOf(start[1]?.toLowerCase() === "basic" ? "basic" : "digest", parameters);
    return challenge ? [challenge] : [];
  });
}

function challengeOf(
  scheme: Challenge["scheme"],
  parameters: ReadonlyMap<string, string>,
): Challenge | undefined {
  const algorithm = parameters.get("algorithm");
  const hash = HASHES[(algorithm ?? "MD5").toLowerCase()];
  const qops = parameters
    .get("qop")
    ?.split(",")
    .map((name) => name.trim().toLowerCase());
  const nonce = parameters.get("nonce") ?? "";
  const usable = hash !== undefined && nonce !== "" && (!qops || qops.includes("auth"));
  if (scheme === "digest" && !usable) return undefined;
  return {
    scheme,
    realm: parameters.get("realm") ?? "",
    nonce,
    opaque: parameters.get("opaque"),
    hash: hash ?? "md5",
    algorithm,
    qop: qops !== undefined,
  };
}

/** Answers one server's challenge, request after request. */
export class Authorisation {
  readonly challenge: Challenge;
  readonly #credentials: Credentials;
  readonly #makeNonce: () => string;
  #count = 0;

  constructor(
    challenge: Challenge,
    credentials: Credentials,
    makeNonce: () => string = () => randomBytes(8).toString("hex"),
  ) {
    this.challenge = challenge;
    this.#credentials = credentials;
    this.#makeNonce = makeNonce;
  }

  /** The value of the Authorization header: never logged. */
  header(method: string, uri: string): string {
    const { user, password } = this.#credentials;
    const { scheme, realm, nonce, opaque, algorithm, qop } = this.challenge;
    if (scheme === "basic") return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    const own = this.#hash(`${user}:${realm}:${password}`);
    const request = this.#hash(`${method}:${uri}`);
    const count = (++this.#count).toString(16).padStart(8, "0");
    const made = qop ? this.#makeNonce() : "";
    const response = this.#hash(
      qop ? `${own}:${nonce}:${count}:${made}:auth:${request}` : `${own}:${nonce}:${request}`,
    );
    const parts = [
      `username="${user.replaceAll(/["\\]/g, "\\$&")}"`,
      `realm="${realm}"`,
      `nonce="${nonce}"`,
      `uri="${uri}"`,
      `response="${response}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
      ...(qop ? ["qop=auth", `nc=${count}`, `cnonce="${made}"`] : []),
    ];
    return `Digest ${parts.join(", ")}`;
  }

  #hash(text: string): string {
    return createHash(this.challenge.hash).update(text).digest("hex");
  }
}
