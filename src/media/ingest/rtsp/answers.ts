import { HoldfastError } from "../../../domain/errors.ts";
import type { NetworkSource } from "../../../domain/source-url.ts";
import { sourceWords } from "../source-words.ts";
import type { RtspAnswer } from "./dialogue.ts";

const OK = 200;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Unsupported media type, not acceptable, unsupported transport, version not supported, option not supported. */
const UNSUPPORTED: ReadonlySet<number> = new Set([406, 415, 461, 505, 551]);
const UNAUTHORISED = 401;
const USUAL_TIMEOUT = 60;

/** @throws HoldfastError `SOURCE_REFUSED`, `SOURCE_UNSUPPORTED` for every other answer than 200 */
export function accept(method: string, answer: RtspAnswer, source: NetworkSource): void {
  if (answer.status === OK) return;
  if (answer.status === UNAUTHORISED) throw refused(unauthorised(source));
  const words = `${answer.status} ${sourceWords(answer.words, source)}`.trim();
  const code = UNSUPPORTED.has(answer.status) ? "SOURCE_UNSUPPORTED" : "SOURCE_REFUSED";
  throw new HoldfastError(code, { detail: `the source answers ${method} with ${words}` });
}

function unauthorised({ user, password }: NetworkSource): string {
  return user === "" && password === ""
    ? "the source asks for a user and a password"
    : "the source does not know this user and password, or asks for them in a way that is not supported";
}

/** Where an answer redirects to; `undefined` when it is no redirect. @throws HoldfastError `SOURCE_REFUSED` */
export function redirectOf({ status, header }: RtspAnswer): string | undefined {
  if (!REDIRECTS.has(status)) return undefined;
  const location = header("location");
  if (location === "") throw refused("the source redirects the pull to no URL");
  return location;
}

/** What relative control URIs are relative to. @see RFC 2326 §C.1.1 */
export function baseOf({ header }: RtspAnswer, asked: string): string {
  const named = [header("content-base"), header("content-location")];
  return named.find((uri) => /^rtsp:\/\/[\u0021-\u007e]{1,4096}$/i.test(uri)) ?? asked;
}

/** The session's id, and for how many seconds it lives without a word. */
export function sessionOf({ header }: RtspAnswer): { readonly id: string; readonly timeout: number } {
  const [id = "", ...parameters] = header("session").split(";");
  const timeout = parameters.map((text) => /^\s*timeout\s*=\s*(\d{1,6})\s*$/i.exec(text)?.[1]).find(Boolean);
  const usable = /^[\u0021-\u007e]{1,256}$/.test(id.trim()) ? id.trim() : "";
  return { id: usable, timeout: Math.max(2, Number(timeout ?? USUAL_TIMEOUT)) };
}

/**
 * The channels that a track comes on: RTP, RTCP.
 *
 * @throws HoldfastError `SOURCE_UNSUPPORTED` when the source wants to send in another way
 */
export function channelsOf(
  { header }: RtspAnswer,
  asked: readonly [number, number],
): readonly [number, number] {
  const transport = header("transport");
  const match = /interleaved\s*=\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?/i.exec(transport);
  if (!match && transport !== "" && !/\/TCP/i.test(transport))
    throw new HoldfastError("SOURCE_UNSUPPORTED", { detail: "the source does not send RTP over TCP" });
  const [rtp, rtcp] = match ? [Number(match[1]), Number(match[2] ?? Number(match[1]) + 1)] : asked;
  if (rtp <= 255 && rtcp <= 255) return [rtp, rtcp];
  throw new HoldfastError("SOURCE_FAILED", { detail: "the source names channels that cannot be" });
}

/** rtptime by the URL of the track. @see RFC 2326 §12.33 */
export function rtpInfoOf({
  header,
}: RtspAnswer): readonly { readonly url: string; readonly rtpTime: number }[] {
  return header("rtp-info")
    .split(",")
    .flatMap((part) => {
      const url = /(?:^|;)\s*url\s*=\s*"?([^;"]+)/i.exec(part)?.[1]?.trim();
      const rtpTime = /;\s*rtptime\s*=\s*(\d{1,10})/i.exec(part)?.[1];
      return url === undefined || rtpTime === undefined ? [] : [{ url, rtpTime: Number(rtpTime) }];
    });
}

function refused(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_REFUSED", { detail });
}
