import { randomBytes } from "node:crypto";
import { orAborted } from "../../fleet/patience.ts";
import { OriginChild } from "./origin-child.ts";
import { chooseTriples, type PortTriple } from "./ports.ts";
import { startPrivateRedis } from "./private-redis.ts";
import { identify } from "./process-identity.ts";
import { makeFleetDirectory, removeFleetDirectory, writeFleetState } from "./state-file.ts";
import { TestPublisher } from "./test-publisher.ts";

export interface FleetOptions {
  readonly count: number;
  readonly host: string;
  /** The ports of the first origin; those of the others count up from here. */
  readonly first: PortTriple;
  /** Without it the fleet has a private Redis. */
  readonly redisUrl: string | undefined;
  readonly redisPrefix: string;
  /** Without it a key is made. */
  readonly clusterKey: string | undefined;
  readonly publishTest: boolean;
  /** Hears what happens, in sentences. */
  readonly say: (text: string) => void;
  /** Fires when the user gives up before all is started. */
  readonly left: AbortSignal;
}

/** A fleet on this machine. Whatever this process dies of, nothing of the fleet is left running. */
export interface Fleet {
  readonly redisUrl: string;
  readonly origins: readonly OriginChild[];
  /** Resolves when no origin is left. */
  readonly ended: Promise<void>;
  /** Stop everything in order, and remove what was written. */
  stop(): Promise<void>;
}

const STOP_WITHIN_MS = 15_000;

/** What has to be undone, last first. */
type Undo = (() => Promise<unknown>)[];

/**
 * Start N origins as child processes, with what they need.
 *
 * @throws HoldfastError `PORT_IN_USE`, or `INTERNAL` with what is missing or did not start; the reason of `left` when
 *         that fired first. Nothing is left then.
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { left } = options;
  let stopping = false;
  const say = (text: string) => void (stopping || options.say(text));
  const triples = await chooseTriples(options.host, options.first, options.count, (triple, taken) =>
    say(`ports ${Object.values(triple).join(", ")} are skipped: ${taken} is taken`),
  );
  const directory = await makeFleetDirectory();
  const undo: Undo = [() => removeFleetDirectory(directory)];
  const stop = async () => {
    stopping = true;
    for (let last = undo.pop(); last; last = undo.pop()) await last();
  };
  try {
    const supervisor = identify(process.pid) ?? { pid: process.pid, began: "" };
    const state = { supervisor, redisUrl: options.redisUrl ?? "", redisPrefix: options.redisPrefix };
    await writeFleetState(directory, { ...state, origins: [] });
    const redisUrl = options.redisUrl ?? (await addRedis(directory, undo, say));
    left.throwIfAborted();
    const origins = addOrigins({ ...options, redisUrl }, triples, directory, undo);
    await orAborted(Promise.all(origins.map((origin) => origin.started())), left);
    await writeFleetState(directory, { ...state, redisUrl, origins: origins.map(stateOf) });
    for (const origin of origins) void origin.ended.then((how) => sayDeath(origin, how, say));
    if (options.publishTest) addTestPicture(origins, directory, undo, say);
    const ended = Promise.all(origins.map((origin) => origin.ended)).then(() => undefined);
    return { redisUrl, origins, stop, ended };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addRedis(directory: string, undo: Undo, say: (text: string) => void): Promise<string> {
  const redis = await startPrivateRedis(directory);
  undo.push(() => redis.stop());
  void redis.ended.then(() => say("the private Redis died: live streams go on, nothing new is registered"));
  return redis.url;
}

function addOrigins(
  { host, redisUrl, redisPrefix, clusterKey }: FleetOptions & { readonly redisUrl: string },
  triples: readonly PortTriple[],
  directory: string,
  undo: Undo,
): readonly OriginChild[] {
  const key = clusterKey ?? randomBytes(24).toString("base64url");
  const shared = { host, redisUrl, redisPrefix, clusterKey: key, directory };
  const origins = triples.map((ports, i) => new OriginChild({ ...shared, name: `o${i + 1}`, ports }));
  undo.push(() => Promise.all(origins.map((origin) => origin.stop(STOP_WITHIN_MS))));
  return origins;
}

function addTestPicture(
  origins: readonly OriginChild[],
  directory: string,
  undo: Undo,
  say: (text: string) => void,
): void {
  const publisher = new TestPublisher();
  publisher.start(origins, directory, ({ name }) => say(`the test picture is published to ${name}`));
  undo.push(() => publisher.stop());
}

function stateOf({ name, process, rtmp, http, api }: OriginChild) {
  return { name, process, rtmp, http, api };
}

function sayDeath(origin: OriginChild, how: string, say: (text: string) => void): void {
  const words = how === "SIGKILL" ? "" : `; its last words:\n${origin.lastWords()}`;
  say(`${origin.name} died (${how}); it is not started again, its streams are free for the others${words}`);
}
