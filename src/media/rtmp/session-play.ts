import { HoldfastError } from "../../domain/errors.ts";
import type { Channel, Subscriber, Subscription } from "../../domain/ports/channel.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { PlayAnswer } from "../../fleet/gates.ts";
import * as answers from "./answers.ts";
import { streamBegin, streamEof } from "./control.ts";
import { redirectMessage } from "./redirect.ts";
import type { RoleHost, SessionRole } from "./session-role.ts";
import type { StreamName } from "../stream-name.ts";

/** A client that plays: asks the gate, then is a subscriber of the channel until it leaves or the stream ends. */
export class PlayRole implements SessionRole, Subscriber {
  readonly kind = "player";
  readonly form = "rtmp";
  readonly key: StreamKey;
  readonly #host: RoleHost;
  readonly #name: StreamName;
  readonly #streamId: number;
  readonly #left = new AbortController();
  #channel: Channel | undefined;
  #subscription: Subscription | undefined;
  /** Present for another origin that relays. */
  #revoked: AbortSignal | undefined;
  readonly #deposed = (): void => this.dismiss(this.#host.reasonOf(this.#revoked?.reason));
  #paused = false;
  #over = false;

  constructor(host: RoleHost, name: StreamName, streamId: number) {
    this.key = name.key;
    this.#host = host;
    this.#name = name;
    this.#streamId = streamId;
  }

  get accepted(): boolean {
    return this.#channel !== undefined;
  }

  get active(): boolean {
    return this.accepted && !this.#over;
  }

  get relays(): boolean {
    return this.#revoked !== undefined;
  }

  /** Ask the gate. Nothing is sent before it has answered: every client waits for five seconds and more. */
  async begin(): Promise<void> {
    let answer: PlayAnswer;
    try {
      answer = await this.#host.gates.play.play({
        key: this.key,
        query: this.#name.query,
        client: this.#host.connect.client,
        ...(this.#name.ticket === undefined ? {} : { ticket: this.#name.ticket }),
        redirected: false,
        left: this.#left.signal,
      });
    } catch (error) {
      return this.#refuse(this.#host.reasonOf(error));
    }
    if (this.#over) return;
    if (answer.kind === "redirect") return this.#redirect(answer.address, answer.owner);
    this.#serve(answer.channel, answer.revoked);
  }

  get backlog(): number {
    return this.#host.connection.backlog;
  }

  get paused(): boolean {
    return this.#paused;
  }

  write(batch: Buffer): void {
    this.#host.connection.write(batch);
  }

  /** The channel lets this player go. */
  end(reason: HoldfastError): void {
    this.#subscription = undefined;
    this.dismiss(reason);
  }

  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#left.abort(new HoldfastError("CLIENT_LEFT"));
    this.#revoked?.removeEventListener("abort", this.#deposed);
    this.#subscription?.close();
  }

  dismiss(reason: HoldfastError): void {
    if (this.#over) return;
    if (!this.#channel) return this.#refuse(reason);
    this.leave();
    // Another origin takes a StreamEOF for the end of the stream, a broken connection for a reason to ask again.
    const asksAgain = this.#revoked !== undefined && reason.code !== "STREAM_ENDED";
    if (asksAgain || reason.code === "SLOW_READER") return this.#host.end(reason, [], "destroy");
    // The true end, in the one order that ends every client; then a FIN, after some 300 ms.
    const text = `${this.key} is no longer published`;
    const unpublished = answers.status(this.#streamId, "status", "NetStream.Play.UnpublishNotify", text);
    this.#host.end(reason, [streamEof(answers.STREAM_ID), unpublished], "finish");
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    const code = paused ? "NetStream.Pause.Notify" : "NetStream.Unpause.Notify";
    const text = paused ? "paused" : "goes on with the next keyframe";
    this.#host.connection.send(answers.status(this.#streamId, "status", code, text));
  }

  /** ffmpeg throws media away until it is told that a seek was done; a live stream stays where it is. */
  seek(): void {
    const text = "a live stream has no other position";
    this.#host.connection.send(answers.status(this.#streamId, "status", "NetStream.Seek.Notify", text));
  }

  #serve(channel: Channel, revoked: AbortSignal | undefined): void {
    if (revoked?.aborted) return this.#refuse(this.#host.reasonOf(revoked.reason));
    if (channel.ended) return this.#refuse(new HoldfastError("STREAM_ENDED"));
    this.#channel = channel;
    this.#revoked = revoked;
    revoked?.addEventListener("abort", this.#deposed);
    this.#host.accepted(this);
    const id = this.#streamId;
    this.#host.connection.send(
      streamBegin(answers.STREAM_ID),
      answers.status(id, "status", "NetStream.Play.Reset", `playing and resetting ${this.key}`),
      answers.status(id, "status", "NetStream.Play.Start", `started playing ${this.key}`),
      answers.sampleAccess(answers.STREAM_ID),
    );
    try {
      this.#subscription = channel.subscribe(this);
    } catch (error) {
      this.dismiss(this.#host.reasonOf(error));
      return;
    }
    // The first write of a subscription may already have ended the session.
    if (this.#over) this.#subscription.close();
  }

  #redirect(address: string, owner: string): void {
    const { connect, config } = this.#host;
    const message = redirectMessage({
      streamId: this.#streamId,
      form: config.play.redirectForm,
      scheme: connect.client.protocol === "rtmps" ? "rtmps" : "rtmp",
      address,
      key: this.key,
      query: this.#name.query,
    });
    this.#over = true;
    const reason = new HoldfastError("NOT_OWNER", { detail: `redirected to ${owner}`, address });
    this.#host.end(reason, [message], "destroy");
  }

  #refuse(reason: HoldfastError): void {
    if (this.#over) return;
    this.leave();
    this.#host.end(reason, [answers.playRefused(this.#streamId, reason)], "destroy");
  }
}
