import { createHash, randomBytes } from "node:crypto";
import { HoldfastError } from "../../domain/errors.ts";

export interface RtmpCredentials {
  readonly user: string;
  readonly password: string;
}

/** How a server says with the `_error` of connect that it wants a user: in the description, in this form. */
const MODE = /\bauthmod=(\w+)/;

/** Whether a server's refusal of connect asks who we are. */
export function asksWho(description: string): boolean {
  return MODE.test(description);
}

/**
 * What the next connect adds to `app` and `tcUrl` to satisfy a server that asks who we are: at first the name, then the
 * answer to its challenge. As Adobe's encoders and FFmpeg do (`authmod=adobe`).
 *
 * @param asked  how often the server has asked before
 * @throws HoldfastError `SOURCE_REFUSED` when it knows no such user, or asks in a way that nobody here understands
 * @see FFmpeg, libavformat/rtmpproto.c, do_adobe_auth
 */
export function answerToWho(description: string, { user, password }: RtmpCredentials, asked: number): string {
  const mode = MODE.exec(description)?.[1];
  if (mode !== "adobe")
    throw refused(`the source asks for a login of the kind ${mode}, which is not supported`);
  if (user === "") throw refused("the source asks for a user and a password");
  const name = `?authmod=adobe&user=${encodeURIComponent(user)}`;
  if (/\bcode=403 need auth\b/.test(description) && asked === 0) return name;
  const query = new URLSearchParams(/\?(reason=\S*)/.exec(description)?.[1] ?? "");
  if (query.get("reason") !== "needauth" || asked > 1)
    throw refused("the source does not know this user and password");
  // Salt and challenge are base64, whose + a query would read as a space.
  const [salt = "", challenge = "", opaque = ""] = ["salt", "challenge", "opaque"].map((key) =>
    (query.get(key) ?? "").replaceAll(" ", "+"),
  );
  const ours = randomBytes(4).toString("hex");
  const known = md5(user + salt + password);
  const response = md5(known + (opaque || challenge) + ours);
  return `${name}&challenge=${ours}&response=${response}${opaque === "" ? "" : `&opaque=${opaque}`}`;
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("base64");
}

function refused(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_REFUSED", { detail });
}
