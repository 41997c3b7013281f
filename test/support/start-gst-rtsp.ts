import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Program } from "./run-program.ts";
import { waitFor } from "./wait.ts";

export interface GstRtspOptions {
  /** Pipelines by path, such as `( videotestsrc ! x264enc ! rtph264pay name=pay0 )`. Each client gets its own. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Which login it asks for; none when absent. */
  readonly login?: "basic" | "digest";
}

/** GStreamer's RTSP server: a foreign one. */
export interface GstRtsp {
  /** `127.0.0.1:port` */
  readonly address: string;
  stop(): Promise<void>;
}

/** User and password of a server that asks for them, as a URL has them. */
export const GST_LOGIN = "viewer:p%40ss%2F1";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("gst-rtsp-server.py", import.meta.url));
const TYPELIB = "girepository-1.0/GstRtspServer-1.0.typelib";
const PLACES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];

/** For a test's `skip`: the reason when it is not installed. */
export function gstRtspMissing(): string | false {
  const installed = existsSync(PYTHON) && PLACES.some((place) => existsSync(`${place}/${TYPELIB}`));
  return !installed && "not installed: gir1.2-gst-rtsp-server-1.0";
}

/** Start it on a free port, and wait until it accepts connections. */
export async function startGstRtsp({ mounts, login }: GstRtspOptions): Promise<GstRtsp> {
  let said = "";
  const server = new Program("gst-rtsp-server", PYTHON, [SCRIPT], {
    input: true,
    onOutput: (data) => (said += data.toString("latin1")),
    timeoutMs: 600_000,
  });
  server.input.write(`${JSON.stringify({ mounts, login: login ?? "none" })}\n`);
  try {
    await waitFor(() => !server.running || said.includes("\n"), { what: "the port", within: 30_000 });
    if (!server.running) throw new Error(`gst-rtsp-server ended at once: ${server.stderr}`);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { address: `127.0.0.1:${Number(said)}`, stop: () => server.stop() };
}
