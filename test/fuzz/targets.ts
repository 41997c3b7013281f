import type { FuzzTarget } from "./engine/target.ts";

/** How much of the time a target gets, and where it is. Loaded one by one: a thread counts what it has loaded. */
interface TargetEntry {
  readonly share: number;
  readonly load: () => Promise<{ readonly target: FuzzTarget }>;
}

/** Every target, by its name. */
export const TARGETS = {
  handshake: { share: 1, load: () => import("./targets/handshake.ts") },
  "chunk-reader": { share: 2, load: () => import("./targets/chunk-reader.ts") },
  amf0: { share: 2, load: () => import("./targets/amf0.ts") },
  commands: { share: 1, load: () => import("./targets/commands.ts") },
  "rtmp-client": { share: 2, load: () => import("./targets/rtmp-client.ts") },
  "rtmp-session": { share: 3, load: () => import("./targets/rtmp-session.ts") },
  "flv-demuxer": { share: 1, load: () => import("./targets/flv-demuxer.ts") },
  "ws-flv": { share: 2, load: () => import("./targets/ws-flv.ts") },
  packet: { share: 1, load: () => import("./targets/packet.ts") },
  channel: { share: 2, load: () => import("./targets/channel.ts") },
  rtsp: { share: 2, load: () => import("./targets/rtsp.ts") },
  "stream-name": { share: 1, load: () => import("./targets/stream-name.ts") },
  registry: { share: 1, load: () => import("./targets/registry.ts") },
  live: { share: 4, load: () => import("./live/live.ts") },
  "live-standby": { share: 2, load: () => import("./live/live-standby.ts") },
  config: { share: 2, load: () => import("./targets/config.ts") },
} as const satisfies Record<string, TargetEntry>;

/** Faults planted on purpose, to prove that they are found. */
const PLANTED: Readonly<Record<string, () => Promise<{ readonly target: FuzzTarget }>>> = {
  "planted-bytes": () => import("./planted/planted-bytes.ts"),
  "planted-hang": () => import("./planted/planted-hang.ts"),
  "planted-memory": () => import("./planted/planted-memory.ts"),
  "planted-stuck": () => import("./planted/planted-stuck.ts"),
  "planted-stray": () => import("./planted/planted-stray.ts"),
};

export type TargetName = keyof typeof TARGETS;

export function isTarget(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name);
}

/** Also a planted one. */
export function isKnown(name: string): boolean {
  return isTarget(name) || Object.hasOwn(PLANTED, name);
}

export async function loadTarget(name: string): Promise<FuzzTarget> {
  const load = isTarget(name) ? TARGETS[name].load : Object.hasOwn(PLANTED, name) ? PLANTED[name] : undefined;
  if (!load) throw new RangeError(`there is no target ${name}`);
  return (await load()).target;
}
