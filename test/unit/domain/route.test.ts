import assert from "node:assert/strict";
import { test } from "node:test";
import { decidePlay, type PlayQuestion, type PlayRoute } from "../../../src/domain/route.ts";

const self = { name: "o1", host: "o1", instance: "i1", rtmp: "o1:1935", http: "o1:8080" };
const owner = {
  name: "o2",
  host: "o2",
  instance: "i2",
  rtmp: "o2:1935",
  http: "o2:8080",
  state: "up",
} as const;
const base: PlayQuestion = { remote: "auto", protocol: "rtmp", srs: false, redirected: false, self, owner };

const relay: PlayRoute = { to: "relay" };
const nobody: PlayRoute = { to: "nobody" };
const redirect = (address: string): PlayRoute => ({ to: "redirect", address });

const cases: readonly (readonly [string, Partial<PlayQuestion>, PlayRoute])[] = [
  ["an ordinary RTMP player is relayed", {}, relay],
  ["an SRS edge is redirected", { srs: true }, redirect("o2:1935")],
  [
    "an SRS edge is relayed when the owner offers no RTMP address",
    { srs: true, owner: { ...owner, rtmp: "" } },
    relay,
  ],
  [
    "an SRS edge is relayed between workers of one host",
    { srs: true, owner: { ...owner, host: "o1" } },
    relay,
  ],
  [
    "play.remote redirect: HTTP-FLV is relayed between workers of one host",
    { remote: "redirect", protocol: "http-flv", owner: { ...owner, host: "o1" } },
    relay,
  ],
  ["an SRS edge over RTMPS is not sent to a plain port", { srs: true, protocol: "rtmps" }, relay],
  ["HTTP-FLV is redirected", { protocol: "http-flv" }, redirect("o2:8080")],
  [
    "HTTP-FLV is relayed when the owner offers no HTTP address",
    { protocol: "http-flv", owner: { ...owner, http: "" } },
    relay,
  ],
  ["WS-FLV follows no redirect", { protocol: "ws-flv" }, relay],
  ["RTMPS is relayed", { protocol: "rtmps" }, relay],
  ["play.remote redirect: RTMP is redirected", { remote: "redirect" }, redirect("o2:1935")],
  [
    "play.remote redirect: HTTP-FLV is redirected",
    { remote: "redirect", protocol: "http-flv" },
    redirect("o2:8080"),
  ],
  ["play.remote redirect: WS-FLV is relayed", { remote: "redirect", protocol: "ws-flv" }, relay],
  ["play.remote redirect: RTMPS is relayed", { remote: "redirect", protocol: "rtmps" }, relay],
  [
    "play.remote redirect: relayed without an address",
    { remote: "redirect", owner: { ...owner, rtmp: "" } },
    relay,
  ],
  ["play.remote relay: an SRS edge is relayed", { remote: "relay", srs: true }, relay],
  ["play.remote relay: HTTP-FLV is relayed", { remote: "relay", protocol: "http-flv" }, relay],
  ["who was redirected already is relayed", { protocol: "http-flv", redirected: true }, relay],
  [
    "who was redirected already is relayed, also with play.remote redirect",
    { remote: "redirect", redirected: true },
    relay,
  ],
  [
    "a shared public address would lead back here",
    { protocol: "http-flv", owner: { ...owner, http: self.http } },
    relay,
  ],
  ["a shared RTMP address would lead back here", { srs: true, owner: { ...owner, rtmp: self.rtmp } }, relay],
  [
    "nobody is sent to an owner that is about to go",
    { protocol: "http-flv", owner: { ...owner, state: "draining" } },
    relay,
  ],
  ["a record that names this origin is nobody's", { owner: { ...owner, name: "o1" } }, nobody],
  [
    "a record that names this instance is nobody's",
    { owner: { ...owner, instance: "i1" }, remote: "redirect" },
    nobody,
  ],
];

for (const [name, question, route] of cases)
  test(name, () => assert.deepEqual(decidePlay({ ...base, ...question }), route));
