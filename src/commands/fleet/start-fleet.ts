import { randomBytes } from "node:crypto";
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

/**
 * Start N origins as child processes, with what they need.
 *
 * @throws HoldfastError `PORT_IN_USE`, or `INTERNAL` with what is missing or did not start; nothing is left then
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { say, host, redisPrefix } = options;
  const triples = await chooseTriples(host, options.first, options.count, ({ rtmp, http, api }, taken) =>
    say(`ports ${rtmp}, ${http}, ${api} are skipped: ${taken} is taken`),
  );
  const directory = await makeFleetDirectory();
  const undo: (() => Promise<unknown>)[] = [() => removeFleetDirectory(directory)];
  const stop = async () => {
    for (let last = undo.pop(); last; last = undo.pop()) await last();
  };
  try {
    let { redisUrl } = options;
    const supervisor = identify(process.pid) ?? { pid: process.pid, began: "" };
    await writeFleetState(directory, { supervisor, redisUrl: redisUrl ?? "", redisPrefix, origins: [] });
    if (redisUrl === undefined) {
      const redis = await startPrivateRedis(directory);
      redisUrl = redis.url;
      let wanted = true;
      undo.push(() => ((wanted = false), redis.stop()));
      void redis.ended.then(
        () => wanted && say("the private Redis died: live streams go on, new ones do not"),
      );
    }

    const clusterKey = options.clusterKey ?? randomBytes(24).toString("base64url");
    const shared = { host, redisUrl, redisPrefix, clusterKey, directory };
    const origins = triples.map((ports, i) => new OriginChild({ ...shared, name: `o${i + 1}`, ports }));
    const stopping = { yes: false };
    undo.push(() => {
      stopping.yes = true;
      return Promise.all(origins.map((origin) => origin.stop(STOP_WITHIN_MS)));
    });
    await Promise.all(origins.map((origin) => origin.started()));
    await writeFleetState(directory, { supervisor, redisUrl, redisPrefix, origins: origins.map(stateOf) });
    for (const origin of origins) void origin.ended.then((how) => stopping.yes || sayDeath(origin, how, say));

    if (options.publishTest) {
      const publisher = new TestPublisher();
      publisher.start(origins, directory, ({ name }) => say(`the test picture is published to ${name}`));
      undo.push(() => publisher.stop());
    }
    return {
      redisUrl,
      origins,
      stop,
      ended: Promise.all(origins.map((one) => one.ended)).then(() => undefined),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function stateOf({ name, process, rtmp, http, api }: OriginChild) {
  return { name, process, rtmp, http, api };
}

function sayDeath(origin: OriginChild, how: string, say: (text: string) => void): void {
  const words = how === "SIGKILL" ? "" : `; its last words:\n${origin.lastWords()}`;
  say(`${origin.name} died (${how}); it is not started again, its streams are free for the others${words}`);
}
