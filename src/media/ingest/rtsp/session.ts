import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { HoldfastError } from "../../../domain/errors.ts";
import type { NetworkSource } from "../../../domain/source-url.ts";
import { MESSAGE } from "../../rtmp/message.ts";
import type { Intake } from "../intake.ts";
import type { PullOptions } from "../pull-options.ts";
import { urlOf } from "../redirect-trail.ts";
import { accept, baseOf, channelsOf, redirectOf, rtpInfoOf, sessionOf } from "./answers.ts";
import { Dialogue, type RtspAnswer, type RtspRequest } from "./dialogue.ts";
import { packetWriter } from "./media-writer.ts";
import { metadataOf } from "./metadata.ts";
import { readSdp, receiverReport } from "./node-media-server.ts";
import { chooseTracks, controlUri, type Track } from "./tracks.ts";
import { TracksReceiver, type TrackSetup } from "./tracks-receiver.ts";

/** Told of what happens before media comes. */
export interface SessionEvents {
  /** Codecs that cannot be passed on. */
  leftOut(codecs: readonly string[]): void;
  opened(codecs: readonly string[]): void;
}

const FAREWELL_MS = 300;
const KEEP_ALIVE = "GET_PARAMETER";
const SESSION_NOT_FOUND = 454;
const NOT_OK = 300;

/** One RTSP session on one connection: describe, set up, play, keep alive, tear down. */
export class RtspSession {
  readonly #source: NetworkSource;
  readonly #intake: Intake;
  readonly #options: PullOptions;
  readonly #events: SessionEvents;
  readonly #dialogue: Dialogue;
  /** Settles when nothing comes any more: resolved when the source has ended in order. */
  readonly #over: Promise<void>;
  #end: () => void = () => {};
  #fail: (reason: unknown) => void = () => {};
  #receiver: TracksReceiver | undefined;
  #playing = false;
  /** What PLAY and TEARDOWN speak of. */
  #uri: string;
  #methods = "";
  #timeout = 60;
  #forget: () => void = () => {};

  constructor(
    socket: Socket,
    source: NetworkSource,
    intake: Intake,
    options: PullOptions,
    events: SessionEvents,
  ) {
    this.#source = source;
    this.#intake = intake;
    this.#options = options;
    this.#events = events;
    this.#uri = urlOf(source);
    this.#over = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.#over.catch(() => {});
    this.#dialogue = new Dialogue(socket, source, {
      packet: (channel, data) => this.#packet(channel, data),
      asked: (method) => {
        if (method === "TEARDOWN") this.#end();
      },
      closed: (error) => this.#fail(error),
    });
  }

  /**
   * Play until the source ends.
   *
   * @returns where it redirects to, if it does
   * @throws HoldfastError `SOURCE_REFUSED`, `SOURCE_UNSUPPORTED`, `SOURCE_FAILED`
   */
  async run(): Promise<string | undefined> {
    const options = await this.#ask({ method: "OPTIONS", uri: this.#uri });
    this.#methods = options.header("public");
    const described = await this.#ask({
      method: "DESCRIBE",
      uri: this.#uri,
      headers: { Accept: "application/sdp" },
    });
    const location = redirectOf(described);
    if (location !== undefined) return location;
    accept("DESCRIBE", described, this.#source);
    const tracks = this.#choose(described);
    await this.#play(await this.#setUp(tracks));
    await this.#over;
    return undefined;
  }

  /** Say goodbye, if there is a session, and wait for a moment that it is heard. The connection is gone afterwards. */
  async leave(): Promise<void> {
    this.#forget();
    this.#playing = false;
    this.#receiver?.close();
    if (this.#dialogue.session !== "") await this.#tearDown();
    this.#dialogue.close(new HoldfastError("CLIENT_LEFT"));
  }

  #choose(described: RtspAnswer): readonly Track[] {
    const sdp = readSdp(described.body.toString());
    const base = baseOf(described, this.#uri);
    const { chosen, leftOut } = chooseTracks(sdp, base);
    if (chosen.length === 0) {
      const what = leftOut.length === 0 ? "neither video nor audio" : `only ${leftOut.join(", ")}`;
      const detail = `the source offers ${what}; H264, H265 and MPEG4-GENERIC (AAC) can be passed on`;
      throw new HoldfastError("SOURCE_UNSUPPORTED", { detail });
    }
    if (leftOut.length > 0) this.#events.leftOut(leftOut);
    this.#uri = controlUri(sdp.control, base) ?? base;
    return chosen;
  }

  async #setUp(tracks: readonly Track[]): Promise<readonly TrackSetup[]> {
    const setups: TrackSetup[] = [];
    for (const [index, track] of tracks.entries()) {
      const asked = [2 * index, 2 * index + 1] as const;
      const Transport = `RTP/AVP/TCP;unicast;interleaved=${asked.join("-")}`;
      const answer = await this.#ask({ method: "SETUP", uri: track.uri, headers: { Transport } });
      accept("SETUP", answer, this.#source);
      const { id, timeout } = sessionOf(answer);
      if (id !== "") this.#dialogue.session = id;
      this.#timeout = timeout;
      setups.push({ track, channels: channelsOf(answer, asked) });
    }
    return setups;
  }

  async #play(setups: readonly TrackSetup[]): Promise<void> {
    const tracks = setups.map(({ track }) => track);
    const write = packetWriter(({ type, timestamp, payload }) =>
      this.#intake.take(MESSAGE[type], timestamp, payload),
    );
    const receiver = new TracksReceiver(setups, this.#options, write, () => this.#intake.hear());
    this.#receiver = receiver;
    // Media comes right behind the answer, in the same segment.
    const begin = (answer: RtspAnswer): void => {
      if (answer.status >= NOT_OK || this.#intake.over.aborted) return;
      receiver.begin(rtpInfoOf(answer));
      this.#events.opened(tracks.map(({ media }) => media.codec));
      this.#intake.open();
      write("data", 0, metadataOf(tracks));
      this.#playing = true;
    };
    const answer = await this.#ask(
      { method: "PLAY", uri: this.#uri, headers: { Range: "npt=0.000-" } },
      begin,
    );
    accept("PLAY", answer, this.#source);
    this.#keepAlive(setups.map(({ channels }) => channels[1]));
  }

  /** Ask in time; the connection's end is an answer, too. */
  #ask(request: RtspRequest, onAnswer?: (answer: RtspAnswer) => void): Promise<RtspAnswer> {
    const never = this.#over.then(() => {
      throw new HoldfastError("SOURCE_FAILED", { detail: "the source ended the session before it played" });
    });
    return Promise.race([this.#dialogue.ask(request, onAnswer), never]);
  }

  #packet(channel: number, data: Buffer): void {
    if (!this.#playing || this.#intake.over.aborted) return;
    this.#receiver?.take(channel, data);
    if (this.#receiver?.ended === true) this.#end();
  }

  #keepAlive(rtcp: readonly number[]): void {
    const ssrc = randomInt(1, 2 ** 32);
    const known = this.#methods === "" || this.#methods.includes(KEEP_ALIVE);
    let method = known ? KEEP_ALIVE : "OPTIONS";
    const say = (): void => {
      this.#dialogue.ask({ method, uri: this.#uri }).then(
        ({ status }) => {
          if (status === SESSION_NOT_FOUND)
            this.#fail(
              new HoldfastError("SOURCE_FAILED", { detail: "the source has forgotten the session" }),
            );
          else if (status >= NOT_OK) method = "OPTIONS";
        },
        () => {},
      );
      for (const channel of rtcp) this.#dialogue.sendPacket(channel, receiverReport(ssrc));
      this.#forget = this.#options.clock.after((this.#timeout * 1_000) / 2, say);
    };
    this.#forget = this.#options.clock.after((this.#timeout * 1_000) / 2, say);
  }

  async #tearDown(): Promise<void> {
    let forget: () => void = () => {};
    const late = new Promise<void>((resolve) => (forget = this.#options.clock.after(FAREWELL_MS, resolve)));
    const said = this.#dialogue.ask({ method: "TEARDOWN", uri: this.#uri }).then(
      () => {},
      () => {},
    );
    await Promise.race([said, late]);
    forget();
  }
}
