import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { isEveryAddress } from "../../config/advertise.ts";
import { formatAddress } from "../../domain/address.ts";
import { HoldfastError } from "../../domain/errors.ts";
import type { PortTriple } from "./ports.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";

export interface OriginChildOptions {
  readonly name: string;
  /** Address to listen on; others are told the same, or the name of this host where it is every address. */
  readonly host: string;
  readonly ports: PortTriple;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly clusterKey: string;
  /** Directory for its log. */
  readonly directory: string;
}

/** How a process ended, in words: `exit code 1`, `SIGKILL`. */
export type Ending = string;

/** What a serving child tells its parent over the IPC channel, once. */
export const STARTED = "started";
const startedSchema = z.object({ type: z.literal(STARTED) });

const START_WITHIN_MS = 30_000;

/** One origin of the fleet: `holdfast serve` in a process of its own. */
export class OriginChild {
  readonly name: string;
  readonly rtmp: string;
  readonly http: string;
  readonly api: string;
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #log: string;
  #running = true;

  constructor({ name, host, ports, directory, ...fleet }: OriginChildOptions) {
    this.name = name;
    // Nobody can dial a wildcard: what listens everywhere is told by the name of this host.
    const reachedAt = isEveryAddress(host) ? hostname() : host;
    this.rtmp = formatAddress(reachedAt, ports.rtmp);
    this.http = formatAddress(reachedAt, ports.http);
    this.api = `127.0.0.1:${ports.api}`;
    this.#log = join(directory, `${name}.log`);
    const output = openSync(this.#log, "a");
    const flags = {
      "--name": name,
      "--bind": host,
      "--rtmp-port": String(ports.rtmp),
      "--http-port": String(ports.http),
      "--api-port": String(ports.api),
      "--advertise-rtmp": this.rtmp,
      "--advertise-http": this.http,
    };
    // In a session of its own: Ctrl-C reaches the parent only, which ends things in order. The IPC channel closes
    // with the parent, however that ends, and the child stops with it.
    this.#child = fork(entry(), ["serve", "--stop-with-parent", ...Object.entries(flags).flat()], {
      env: childEnvironment(process.env, fleet),
      stdio: ["ignore", output, output, "ipc"],
      detached: true,
    });
    closeSync(output);
    this.ended = once(this.#child, "exit").then(
      ([code, signal]) => (signal === null ? `exit code ${String(code)}` : String(signal)),
      (error: unknown) => String(error),
    );
    void this.ended.then(() => (this.#running = false));
  }

  get running(): boolean {
    return this.#running;
  }

  get process(): ProcessIdentity {
    const pid = this.#child.pid ?? 0;
    return identify(pid) ?? { pid, began: "" };
  }

  /** @throws HoldfastError `INTERNAL` with the end of its log when it does not start */
  async started(): Promise<void> {
    const said = (async () => {
      for (;;) {
        const [message] = (await once(this.#child, "message")) as [unknown];
        if (startedSchema.safeParse(message).success) return undefined;
      }
    })();
    const late = new Promise<Ending>((resolve) => {
      setTimeout(() => resolve(`nothing for ${START_WITHIN_MS / 1_000} s`), START_WITHIN_MS).unref();
    });
    const ending = await Promise.race([said, this.ended, late]);
    if (ending === undefined) return;
    throw new HoldfastError("INTERNAL", {
      detail: `${this.name} did not start (${ending}):\n${this.lastWords()}`,
    });
  }

  /** The end of its log. */
  lastWords(): string {
    return readFileSync(this.#log, "utf8").trim().split("\n").slice(-5).join("\n");
  }

  /**
   * In order, without draining: where all origins stop together nobody could take the streams. SIGKILL after
   * `withinMs`.
   */
  async stop(withinMs: number): Promise<void> {
    if (!this.#running) return;
    if (this.#child.connected) this.#child.disconnect();
    const hurry = setTimeout(() => this.kill(), withinMs);
    await this.ended;
    clearTimeout(hurry);
  }

  kill(): void {
    if (this.#running) this.#child.kill("SIGKILL");
  }
}

/** This very program, so that it works from the sources and from the package alike. */
function entry(): string {
  const [, script = ""] = process.argv;
  return script;
}

function childEnvironment(
  env: NodeJS.ProcessEnv,
  { redisUrl, redisPrefix, clusterKey }: Pick<OriginChildOptions, "redisUrl" | "redisPrefix" | "clusterKey">,
): NodeJS.ProcessEnv {
  // Secrets go through the environment: arguments are in everybody's list of processes.
  const ours = {
    HOLDFAST_REDIS__URL: redisUrl,
    HOLDFAST_REDIS__PREFIX: redisPrefix,
    HOLDFAST_CLUSTER__KEY: clusterKey,
  };
  const inherited = Object.entries(env).filter(
    ([name]) => !Object.keys(ours).includes(name.replace(/_FILE$/, "")),
  );
  return { ...Object.fromEntries(inherited), ...ours };
}
