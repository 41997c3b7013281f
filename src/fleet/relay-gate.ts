import { HoldfastError } from "../domain/errors.ts";
import type { ClusterKey } from "./cluster-key.ts";
import { throwIfLeft } from "./authorise.ts";
import type { PlayAnswer, PlayRequest } from "./gates.ts";
import type { LocalStreams } from "./local-streams.ts";
import type { Lookup } from "./lookup.ts";
import type { Ownership } from "./ownership.ts";
import type { Session } from "./session.ts";

export interface RelayGateOptions {
  readonly clusterKey: ClusterKey | undefined;
  /** Name and instance id of this origin. */
  readonly name: string;
  readonly instance: string;
  readonly session: Session;
  readonly ownership: Ownership;
  readonly streams: LocalStreams;
  readonly lookup: Lookup;
}

/**
 * Lets other origins pull, if they belong to the fleet and this origin owns the stream.
 *
 * Only an owner serves relays, and a deposed owner closes them: so no chain and no loop of relays can form.
 */
export class RelayGate {
  readonly #options: RelayGateOptions;

  constructor(options: RelayGateOptions) {
    this.#options = options;
  }

  /** @throws HoldfastError `TICKET_INVALID`, `NOT_OWNER` with the owner in `context.owner`, when it is known */
  async serve(request: PlayRequest, ticket: string): Promise<PlayAnswer> {
    const { clusterKey, instance, session, ownership, streams } = this.#options;
    const { key, left } = request;
    if (!clusterKey) throw new HoldfastError("TICKET_INVALID", { detail: "this origin has no cluster.key" });
    clusterKey.admit(ticket, { purpose: "relay", target: instance, subject: key }, session.now());
    // The asker may have read the record of a claim whose answer is still on its way to us.
    await ownership.settled(key);
    throwIfLeft(left);
    const stream = streams.get(key);
    const deposed = stream?.deposed;
    if (!stream || !deposed) throw this.#notOwner(request);
    return { kind: "serve", channel: stream.channel, revoked: deposed };
  }

  #notOwner({ key }: PlayRequest): HoldfastError {
    const { streams, lookup, name } = this.#options;
    const known = streams.get(key)?.relayedFrom ?? lookup.peek(key)?.owner.name;
    const owner = known === name ? undefined : known;
    const instead = owner === undefined ? "" : `; ${owner} does`;
    return new HoldfastError("NOT_OWNER", {
      detail: `origin ${name} does not own ${key}${instead}`,
      stream: key,
      ...(owner === undefined ? {} : { owner }),
    });
  }
}
