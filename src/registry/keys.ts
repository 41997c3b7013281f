/** What a Redis user of a fleet needs besides its keys and channels, as `ACL SETUSER` takes it. */
export const LEAST_RIGHTS: readonly string[] = [
  ...["+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+info", "+time", "+config|get"],
  ...["+cluster|slots", "+cluster|info"],
];

/** The names of all keys under one prefix. A prefix is one hash tag, so all of them share a slot in Redis Cluster. */
export interface Keys {
  /** What every key begins with. Scripts that find further keys on the way get it and derive them. */
  readonly root: string;
  readonly origins: string;
  readonly epoch: string;
  readonly boot: string;
  readonly events: string;
  readonly ingests: string;
  readonly plan: string;
  origin(name: string): string;
  stream(key: string): string;
  ingest(key: string): string;
  held(name: string): string;
  lost(name: string, epoch: number): string;
  kicks(name: string, epoch: number): string;
  buried(name: string, epoch: number): string;
  notify(name: string): string;
}

/** @param prefix a hash tag such as `{holdfast}` */
export function keysOf(prefix: string): Keys {
  const root = `${prefix}:`;
  return {
    root,
    origins: `${root}origins`,
    epoch: `${root}epoch`,
    boot: `${root}boot`,
    events: `${root}events`,
    ingests: `${root}ingests`,
    plan: `${root}plan`,
    origin: (name) => `${root}origin:${name}`,
    stream: (key) => `${root}stream:${key}`,
    ingest: (key) => `${root}ingest:${key}`,
    held: (name) => `${root}held:${name}`,
    lost: (name, epoch) => `${root}lost:${name}@${epoch}`,
    kicks: (name, epoch) => `${root}kicks:${name}@${epoch}`,
    buried: (name, epoch) => `${root}buried:${name}@${epoch}`,
    notify: (name) => `${root}notify:${name}`,
  };
}
