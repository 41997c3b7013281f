import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { isInstalled, Program } from "./run-program.ts";
import { waitFor } from "./wait.ts";

export interface NginxRtmpOptions {
  /** More lines for `application live { … }`, such as `push rtmp://127.0.0.1:1935/live;`. */
  readonly application?: readonly string[];
}

/** An nginx with its RTMP module: a foreign server, with the application `live`. */
export interface NginxRtmp {
  readonly port: number;
  /** `rtmp://127.0.0.1:port/live` */
  readonly url: string;
  stop(): Promise<void>;
}

const MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

export function hasNginxRtmp(): boolean {
  return isInstalled("nginx") && existsSync(MODULE);
}

/** Start nginx-rtmp on a free port, in a directory of its own, and wait until it accepts connections. */
export async function startNginxRtmp(options: NginxRtmpOptions = {}): Promise<NginxRtmp> {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-nginx-"));
  const port = await freePort();
  const file = join(dir, "nginx.conf");
  await writeFile(file, configuration(dir, port, options.application ?? []));
  const nginx = new Program("nginx", "nginx", ["-p", dir, "-c", file, "-e", join(dir, "error.log")], {
    timeoutMs: 600_000,
  });
  const stop = async () => {
    await nginx.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await waitFor(() => !nginx.running || accepts(port), { what: `nginx on port ${port}` });
    if (!nginx.running) throw new Error(`nginx ended at once: ${nginx.stderr}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url: `rtmp://127.0.0.1:${port}/live`, stop };
}

// One process in the foreground: one pid to kill. Root keeps its identity, lest nginx cannot read its directory.
function configuration(dir: string, port: number, application: readonly string[]): string {
  return `
load_module ${MODULE};
daemon off;
master_process off;
pid ${join(dir, "pid")};
error_log ${join(dir, "error.log")} warn;
events { worker_connections 256; }
rtmp {
  server {
    listen 127.0.0.1:${port};
    chunk_size 4096;
    application live {
      live on;
      ${application.join("\n      ")}
    }
  }
}
`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("connect", () => answer(true)).once("error", () => answer(false));
  });
}
