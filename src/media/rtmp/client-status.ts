import { HoldfastError } from "../../domain/errors.ts";
import { isAmfObject, type AmfObject, type AmfValue } from "./amf0.ts";
import type { RtmpCommand } from "./commands.ts";

/** What a server said by `onStatus`, `_result` or `_error`. Texts are the server's, untrusted. */
export interface RtmpStatus {
  /** `status`, `warning` or `error`; empty when it said none. */
  readonly level: string;
  /** Such as `NetStream.Play.Start`; empty when it said none. */
  readonly code: string;
  readonly description: string;
  /** More than `code` says, where the server is one of ours: an error code of Holdfast. */
  readonly details: string;
  /** Where the stream is instead: `ex.redirect2` (a stream's URL) or `ex.redirect` (mostly a tcUrl). */
  readonly redirect: string | undefined;
}

/** What became of a `play` or `publish`. */
export type StreamAnswer =
  | { readonly outcome: "started" }
  | { readonly outcome: "refused"; readonly status: RtmpStatus }
  | { readonly outcome: "redirected"; readonly status: RtmpStatus; readonly url: string };

const STARTED = new Set(["NetStream.Play.Start", "NetStream.Publish.Start"]);
/** Refusals whatever their level: some servers send them as `status`. */
const REFUSED = new Set([
  "NetStream.Failed",
  "NetStream.Play.Failed",
  "NetStream.Play.StreamNotFound",
  "NetStream.Publish.BadName",
  "NetStream.Publish.Denied",
  "NetStream.Publish.Rejected",
  "NetConnection.Connect.Rejected",
]);
const FINISHED = new Set([
  "NetStream.Play.UnpublishNotify",
  "NetStream.Play.Stop",
  "NetStream.Play.Complete",
]);
const LONGEST_TEXT = 512;

/** The status object of a command: the first argument that looks like one. */
export function readStatus(command: RtmpCommand): RtmpStatus {
  const info = command.args.find((value) => isAmfObject(value) && value["code"] !== undefined);
  const status = isAmfObject(info) ? info : (Object.create(null) as AmfObject);
  const ex = status["ex"];
  const redirect = isAmfObject(ex) ? textOf(ex["redirect2"]) || textOf(ex["redirect"]) : "";
  return {
    level: textOf(status["level"]),
    code: textOf(status["code"]),
    description: textOf(status["description"]),
    details: textOf(status["details"]),
    redirect: redirect === "" ? undefined : redirect,
  };
}

/** What a status means to a `play` or `publish` that is waiting; `undefined` when it says nothing about it. */
export function answerOf(status: RtmpStatus): StreamAnswer | undefined {
  if (status.redirect !== undefined) return { outcome: "redirected", status, url: status.redirect };
  if (status.level === "error" || REFUSED.has(status.code)) return { outcome: "refused", status };
  return STARTED.has(status.code) ? { outcome: "started" } : undefined;
}

/** Whether the server says that the stream is over, in order. */
export function isEnd(status: RtmpStatus): boolean {
  return FINISHED.has(status.code);
}

/** The fault that a status means where no answer is waited for. */
export function failureOf(what: string, { code, description }: RtmpStatus): HoldfastError {
  const said = [code, description].filter((text) => text !== "").join(": ");
  return new HoldfastError("RELAY_FAILED", {
    detail: `the server refused ${what}: ${said || "without a reason"}`,
  });
}

function textOf(value: AmfValue): string {
  return typeof value === "string" ? value.slice(0, LONGEST_TEXT) : "";
}
