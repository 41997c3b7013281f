/**
 * What is used of redlock 5.0.0-beta.2. The package has types and hides them: its `exports` name none.
 */
declare module "redlock" {
  /** What redlock asks of a client: to run a script by its SHA-1, or by its text. */
  export interface RedlockClient {
    evalsha(hash: string, keys: number, args: readonly (string | number)[]): Promise<unknown>;
    eval(script: string, keys: number, args: readonly (string | number)[]): Promise<unknown>;
  }

  export interface Settings {
    readonly driftFactor: number;
    readonly retryCount: number;
  }

  /** A function that is given the default script. A string is ignored, without an error. */
  type MakeScript = (original: string) => string;

  export interface Scripts {
    readonly acquireScript: MakeScript;
    readonly extendScript: MakeScript;
    readonly releaseScript: MakeScript;
  }

  /** No quorum was for it. */
  export class ExecutionError extends Error {}

  export class Lock {
    constructor(
      redlock: Redlock,
      resources: string[],
      value: string,
      attempts: readonly unknown[],
      expiration: number,
    );
    readonly resources: string[];
    readonly value: string;
    /** In wall-clock time, counted from the first attempt. */
    expiration: number;
  }

  export default class Redlock {
    constructor(clients: Iterable<RedlockClient>, settings: Partial<Settings>, scripts: Scripts);
    acquire(resources: string[], duration: number): Promise<Lock>;
    extend(lock: Lock, duration: number): Promise<Lock>;
    /** Makes the value of a lock. */
    _random(): string;
  }
}
