import { HoldfastError } from "../../domain/errors.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { DrainNotice, Publication, PublicationEnd } from "../../fleet/gates.ts";
import * as answers from "./answers.ts";
import { amf0Part } from "./commands.ts";
import { goingMessages } from "./going-signals.ts";
import type { RtmpMessage } from "./message.ts";
import { playerPacket } from "../player-packet.ts";
import { publisherLimits } from "./session-limits.ts";
import type { RoleHost, SessionRole } from "./session-role.ts";
import type { StreamName } from "../stream-name.ts";

/** A client that publishes: asks the gate, then feeds the channel until one of the three lets go. */
export class PublishRole implements SessionRole {
  readonly kind = "publisher";
  readonly key: StreamKey;
  readonly #host: RoleHost;
  readonly #name: StreamName;
  readonly #streamId: number;
  /** Whether the encoder announced itself by FCPublish and wants to hear of it. */
  readonly #announced: boolean;
  readonly #left = new AbortController();
  readonly #lost = (): void => this.#onLost();
  /** The gate often revokes in the same breath, and knows better why. */
  readonly #replaced = (): void => queueMicrotask(this.#lost);
  readonly #asked = (): void => this.#onAsked();
  /** It was sent a signal that it understands. */
  #going = false;
  #publication: Publication | undefined;
  #ended: PublicationEnd | "dismissed" | undefined;
  #received = 0;

  constructor(host: RoleHost, name: StreamName, streamId: number, announced: boolean) {
    this.key = name.key;
    this.#host = host;
    this.#name = name;
    this.#streamId = streamId;
    this.#announced = announced;
  }

  get accepted(): boolean {
    return this.#publication !== undefined;
  }

  get active(): boolean {
    return this.accepted && this.#ended === undefined;
  }

  /** Media messages taken. */
  get received(): number {
    return this.#received;
  }

  /** Ask the gate. No status is sent before it has answered. */
  async begin(): Promise<void> {
    let publication: Publication;
    try {
      publication = await this.#host.gates.publish.publish({
        key: this.key,
        query: this.#name.query,
        client: this.#host.connect.client,
        left: this.#left.signal,
      });
    } catch (error) {
      if (this.#ended === undefined) this.dismiss(this.#host.reasonOf(error));
      return;
    }
    if (this.#ended !== undefined) {
      publication.end(this.#ended === "unpublished" ? "unpublished" : "disconnected");
      return;
    }
    this.#publication = publication;
    if (publication.revoked.aborted || publication.source.closed.aborted) return this.#onLost();
    publication.revoked.addEventListener("abort", this.#lost);
    publication.source.closed.addEventListener("abort", this.#replaced);
    this.#host.connection.limits = publisherLimits(this.#host.config, this.#host.budgets);
    this.#host.connection.pace = this.#host.budgets.pace;
    this.#host.accepted(this);
    this.confirm();
    if (publication.unwanted?.aborted) return this.#onAsked();
    publication.unwanted?.addEventListener("abort", this.#asked);
  }

  /** Tell the encoder to start. */
  confirm(): void {
    const text = `${this.key} is published here`;
    const started = answers.status(this.#streamId, "status", "NetStream.Publish.Start", text);
    if (!this.#announced) return this.#host.connection.send(started);
    this.#host.connection.send(answers.announcement("onFCPublish", "NetStream.Publish.Start", text), started);
  }

  /** A media message of this client, at whatever time. Early ones are thrown away. */
  media(message: RtmpMessage): void {
    const source = this.#publication?.source;
    if (!source || this.#ended !== undefined) return this.#host.drop();
    this.#received += 1;
    const packet = playerPacket(message.type, message.timestamp, amf0Part(message));
    if (packet) source.write(packet);
  }

  leave(how: PublicationEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    this.#left.abort(new HoldfastError("CLIENT_LEFT"));
    // Whoever goes because it was asked to ends its stream here in order; it goes on elsewhere.
    this.#letGo(this.#going ? "drained" : how);
  }

  dismiss(reason: HoldfastError): void {
    if (this.#ended !== undefined) return;
    this.#ended = "dismissed";
    this.#left.abort(reason);
    this.#letGo("disconnected");
    this.#host.end(reason, [answers.publishRefused(this.#streamId, reason)], "reset");
  }

  /** This origin drains: send what the encoder announced to understand. The others are reset before long. */
  #onAsked(): void {
    const { connect, connection } = this.#host;
    const { client, target, understands } = connect;
    const where = { protocol: client.protocol, tcUrl: target.tcUrl };
    const messages = goingMessages(understands, where, this.#publication?.unwanted?.reason as DrainNotice);
    if (messages.length === 0) return;
    this.#going = true;
    try {
      connection.send(...messages);
    } catch (error) {
      this.dismiss(this.#host.reasonOf(error));
    }
  }

  #onLost(): void {
    const publication = this.#publication;
    const signal = publication?.revoked.aborted ? publication.revoked : publication?.source.closed;
    this.dismiss(this.#host.reasonOf(signal?.reason));
  }

  #letGo(how: PublicationEnd): void {
    const publication = this.#publication;
    if (!publication) return;
    this.#host.connection.pace = undefined;
    publication.revoked.removeEventListener("abort", this.#lost);
    publication.source.closed.removeEventListener("abort", this.#replaced);
    publication.unwanted?.removeEventListener("abort", this.#asked);
    publication.end(how);
  }
}
