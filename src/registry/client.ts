import type { Cluster, Redis } from "ioredis";
import type { Logger } from "pino";
import { maskUrl } from "../config/mask.ts";
import { HoldfastError } from "../domain/errors.ts";
import { makeConnection } from "./connection.ts";
import type { Connection, ConnectionLimits } from "./connection.ts";
import { toRegistryError } from "./failures.ts";
import { parseRedisUrl } from "./redis-url.ts";
import type { RedisTarget } from "./redis-url.ts";
import { loadScripts } from "./scripts.ts";
import type { ScriptName } from "./scripts.ts";

export interface ClientOptions extends ConnectionLimits {
  readonly url: string;
  /** What this connection is for, for the log. */
  readonly purpose: string;
  readonly log: Logger;
}

export type Argument = string | number;

/** Any one server behind a URL. */
export interface Server {
  readonly address: string;
  call(command: string, ...args: Argument[]): Promise<unknown>;
}

/**
 * One connection to the registry's Redis, of whatever kind, that is made again for ever until `close`.
 *
 * Every call ends within the command time-out, also when Redis hangs, and rejects with HoldfastError
 * `REGISTRY_UNAVAILABLE` or `REGISTRY_REFUSED`.
 */
export class RedisClient {
  readonly address: string;
  readonly target: RedisTarget;
  readonly connection: Connection;
  readonly #options: ClientOptions;
  #available = false;
  #started = false;
  #closed = false;
  /** Why there is no connection, as far as it is known. */
  #trouble: HoldfastError | undefined;
  #announced: "nothing" | "up" | "down" = "nothing";

  constructor(options: ClientOptions) {
    this.#options = options;
    this.address = maskUrl(options.url);
    this.target = parseRedisUrl(options.url);
    this.connection = makeConnection(this.target, options, () => !this.#closed);
    const emitter = emitterOf(this.connection);
    for (const { name, keys, lua } of loadScripts())
      this.connection.defineCommand(name, { lua, numberOfKeys: keys });
    emitter.on("ready", () => this.#up());
    emitter.on("close", () => this.#down());
    emitter.on("error", (error: unknown) => this.#blame(error));
  }

  /** Whether the last command was answered and the connection stands. */
  get available(): boolean {
    return this.#available;
  }

  /**
   * Open the connection and wait until commands can be sent.
   *
   * Rejects with the first failure. The connection is tried again all the same; call `connect` again to wait for it.
   */
  async connect(): Promise<void> {
    if (this.#closed) throw this.#gone();
    if (this.connection.status === "ready") return;
    const emitter = emitterOf(this.connection);
    const { connectTimeoutMs, commandTimeoutMs } = this.#options;
    let ready: () => void = () => undefined;
    let failed: (error: unknown) => void = () => undefined;
    const outcome = new Promise<void>((resolve, reject) => {
      ready = resolve;
      failed = (error) => reject(toRegistryError(error, this.address));
      emitter.once("ready", ready);
      emitter.once("error", failed);
    });
    if (!this.#started) this.connection.connect().catch(() => undefined);
    this.#started = true;
    try {
      await within(
        connectTimeoutMs + commandTimeoutMs,
        () => outcome,
        () => this.#gone(),
      );
    } finally {
      emitter.off("ready", ready);
      emitter.off("error", failed);
    }
  }

  /** Run a script. KEYS first, as many as its file name says. */
  async run(script: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const commands = this.connection as unknown as Record<
      ScriptName,
      (...args: Argument[]) => Promise<unknown>
    >;
    return this.#bounded(() => commands[script](...keys, ...args));
  }

  /** Send one command. */
  async call(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#bounded(() => this.connection.call(command, ...args));
  }

  /** Hear a channel. The connection is of no use for other commands then, except in a cluster. */
  async subscribe(channel: string): Promise<void> {
    await this.#bounded(() => this.connection.subscribe(channel));
  }

  /** Every master behind the URL: one, or those of the cluster. */
  masters(): readonly Server[] {
    if (!isCluster(this.connection)) return [this];
    return this.connection.nodes("master").map((node) => ({
      address: `${node.options.host}:${node.options.port}`,
      call: (command, ...args) => this.#bounded(() => node.call(command, ...args)),
    }));
  }

  /** Leave this socket and take a new one: through Sentinel, that is perhaps another server. */
  reconnect(): void {
    if (!this.#closed && this.connection.status === "ready") this.connection.disconnect(true);
  }

  /** Call `listener` now if connected, and whenever a connection was made. */
  onReady(listener: () => void): void {
    emitterOf(this.connection).on("ready", listener);
    if (this.connection.status === "ready") listener();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#available = false;
    const { status } = this.connection;
    if (status === "wait" && !this.#started) return;
    const ended = new Promise<void>((resolve) => emitterOf(this.connection).once("end", () => resolve()));
    this.connection.disconnect();
    // Between two attempts there is no socket, and "end" never comes.
    if (status !== "reconnecting")
      await within(
        1_000,
        () => ended,
        () => this.#gone(),
      ).catch(() => undefined);
  }

  async #bounded<T>(send: () => Promise<T>): Promise<T> {
    if (this.#closed) throw this.#gone();
    const wasReady = this.connection.status === "ready";
    try {
      const reply = await within(this.#options.commandTimeoutMs, send, () => this.#silent());
      this.#available = !this.#closed;
      return reply;
    } catch (error) {
      const failure = toRegistryError(error, this.address);
      const isAnswer = error instanceof Error && error.name === "ReplyError";
      if (!isAnswer) this.#available = false;
      // A connection that is not there says only that; why it is not there was said before.
      if (!wasReady && !isAnswer && this.#trouble) throw this.#trouble;
      if (isReadOnly(error)) this.#trouble = failure; // ioredis reconnects now; see connection.ts
      throw failure;
    }
  }

  #up(): void {
    this.#available = true;
    this.#trouble = undefined;
    if (this.#announced === "down") this.#options.log.info(this.#fields(), "registry connection restored");
    this.#announced = "up";
  }

  #down(): void {
    this.#available = false;
    if (this.#announced !== "up" || this.#closed) return;
    this.#announced = "down";
    this.#options.log.warn(this.#fields(), "registry connection lost");
  }

  #blame(error: unknown): void {
    const reason = (error as { lastNodeError?: unknown }).lastNodeError ?? error;
    this.#trouble = toRegistryError(reason, this.address);
  }

  #fields(): { registry: string; purpose: string } {
    return { registry: this.address, purpose: this.#options.purpose };
  }

  #silent(): HoldfastError {
    return this.#unavailable(`the registry at ${this.address} gave no answer in time`);
  }

  #gone(): HoldfastError {
    if (this.#trouble && !this.#closed) return this.#trouble;
    return this.#unavailable(
      this.#closed
        ? "the registry connection is closed"
        : `no connection to the registry at ${this.address} in time`,
    );
  }

  #unavailable(detail: string): HoldfastError {
    return new HoldfastError("REGISTRY_UNAVAILABLE", { detail, registry: this.address });
  }
}

/** Redis and Cluster are event emitters with different lists of events; these are what they have in common. */
interface ConnectionEmitter {
  on(event: "ready" | "close" | "end" | "error", listener: (error?: unknown) => void): unknown;
  once(event: "ready" | "close" | "end" | "error", listener: (error?: unknown) => void): unknown;
  off(event: "ready" | "close" | "end" | "error", listener: (error?: unknown) => void): unknown;
}

function emitterOf(connection: Redis | Cluster): ConnectionEmitter {
  return connection;
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("READONLY");
}

function isCluster(connection: Connection): connection is Cluster {
  return connection.isCluster;
}

async function within<T>(ms: number, work: () => Promise<T>, late: () => HoldfastError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
