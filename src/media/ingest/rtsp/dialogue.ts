import type { Socket } from "node:net";
import { asHoldfastError, HoldfastError } from "../../../domain/errors.ts";
import { Authorisation, chooseChallenge, type Credentials } from "./auth.ts";
import { WireReader, type RtspMessage } from "./wire-reader.ts";

export interface RtspAnswer {
  readonly status: number;
  /** The server's words for it, as they came. */
  readonly words: string;
  /** The first value of a header; empty when there is none. */
  readonly header: (name: string) => string;
  readonly body: Buffer;
}

export interface RtspRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface DialogueEvents {
  /** An interleaved packet. The data is valid during the call only. */
  packet(channel: number, data: Buffer): void;
  /** The server has a wish of its own, such as `TEARDOWN`. */
  asked(method: string): void;
  /** Called once. */
  closed(error: HoldfastError): void;
}

interface Pending {
  readonly request: RtspRequest;
  readonly onAnswer: ((answer: RtspAnswer) => void) | undefined;
  readonly resolve: (answer: RtspAnswer) => void;
  readonly reject: (reason: unknown) => void;
  /** How often it was challenged. */
  readonly challenged: number;
}

const AGENT = "Holdfast";
const UNAUTHORISED = 401;
/** Requests without an answer: cameras that never answer a keep-alive get no more than this remembered. */
const MOST_PENDING = 16;
/** A server that does not read gets no more than this. */
const MOST_UNSENT = 65_536;

/** Requests and answers of one RTSP connection, and the packets between them. The socket is connected. */
export class Dialogue {
  readonly #socket: Socket;
  readonly #events: DialogueEvents;
  readonly #credentials: Credentials;
  readonly #reader: WireReader;
  readonly #pending = new Map<number, Pending>();
  #authorisation: Authorisation | undefined;
  #sequence = 0;
  /** Why the connection is closed. */
  #fault: HoldfastError | undefined;
  /** Sent along once the server has made one. */
  session = "";

  constructor(socket: Socket, credentials: Credentials, events: DialogueEvents) {
    this.#socket = socket;
    this.#credentials = credentials;
    this.#events = events;
    this.#reader = new WireReader({
      message: (message) => this.#message(message),
      packet: (channel, data) => events.packet(channel, data),
    });
    socket.on("data", (data: Buffer) => this.#receive(data));
    socket.on("error", (error) => this.close(failed(error.message)));
    socket.on("close", () => this.close(failed("the server closed the connection")));
  }

  /**
   * Ask, and once more with credentials when they are wanted.
   *
   * @param onAnswer  called before anything that comes behind the answer is looked at
   */
  ask(request: RtspRequest, onAnswer?: (answer: RtspAnswer) => void): Promise<RtspAnswer> {
    return new Promise((resolve, reject) => {
      this.#send({ request, onAnswer, resolve, reject, challenged: 0 });
    });
  }

  /** Send an interleaved packet. */
  sendPacket(channel: number, data: Buffer): void {
    const head = Buffer.from([0x24, channel, data.length >> 8, data.length & 0xff]);
    this.#write(Buffer.concat([head, data]));
  }

  /** Say no more and hear no more. */
  close(reason: unknown): void {
    if (this.#fault) return;
    const fault = faultOf(reason);
    this.#fault = fault;
    this.#reader.stop();
    this.#socket.destroy();
    for (const { reject } of this.#pending.values()) reject(fault);
    this.#pending.clear();
    this.#events.closed(fault);
  }

  #receive(data: Buffer): void {
    try {
      this.#reader.push(data);
    } catch (error) {
      this.close(error);
    }
  }

  #send(pending: Pending): void {
    if (this.#fault) {
      pending.reject(this.#fault);
      return;
    }
    const { method, uri, headers } = pending.request;
    const sequence = ++this.#sequence;
    this.#pending.set(sequence, pending);
    const [oldest] = this.#pending.keys();
    if (this.#pending.size > MOST_PENDING && oldest !== undefined) this.#pending.delete(oldest);
    const lines = Object.entries({
      CSeq: String(sequence),
      "User-Agent": AGENT,
      ...(this.session === "" ? {} : { Session: this.session }),
      ...(this.#authorisation ? { Authorization: this.#authorisation.header(method, uri) } : {}),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#write(`${method} ${uri} RTSP/1.0\r\n${lines.join("")}\r\n`);
  }

  #write(data: string | Buffer): void {
    if (this.#fault) return;
    if (this.#socket.writableLength > MOST_UNSENT) this.close(failed("the server reads nothing"));
    else this.#socket.write(data);
  }

  #message({ start, headers, body }: RtspMessage): void {
    const match = /^RTSP\/\d\.\d +(\d{3})(?: +(.*))?$/.exec(start);
    if (!match) {
      this.#asked(start, headers);
      return;
    }
    const status = Number(match[1]);
    // "100 Continue" and its like: the answer follows.
    if (status < 200) return;
    const header = (name: string): string => headers.get(name)?.[0] ?? "";
    this.#answered({ status, words: match[2] ?? "", header, body }, headers);
  }

  #answered(answer: RtspAnswer, headers: RtspMessage["headers"]): void {
    const sequence = this.#sequenceOf(answer.header("cseq"));
    const pending = sequence === undefined ? undefined : this.#pending.get(sequence);
    if (!pending || sequence === undefined) return;
    this.#pending.delete(sequence);
    if (answer.status === UNAUTHORISED && this.#challenged(headers, pending)) return;
    pending.onAnswer?.(answer);
    pending.resolve(answer);
  }

  /** Some cameras forget the CSeq: then it is the oldest. */
  #sequenceOf(text: string): number | undefined {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    const [oldest] = this.#pending.keys();
    return oldest;
  }

  /** @returns whether the request was sent again */
  #challenged(headers: RtspMessage["headers"], pending: Pending): boolean {
    const { user, password } = this.#credentials;
    const challenges = headers.get("www-authenticate") ?? [];
    const challenge = chooseChallenge(challenges);
    if (!challenge || (user === "" && password === "")) return false;
    // A nonce wears out. Refused with a fresh one, the credentials are wrong.
    const most = /stale\s*=\s*"?true/i.test(challenges.join()) ? 2 : 1;
    if (this.#authorisation?.challenge.nonce === challenge.nonce || pending.challenged >= most) return false;
    this.#authorisation = new Authorisation(challenge, this.#credentials);
    this.#send({ ...pending, challenged: pending.challenged + 1 });
    return true;
  }

  #asked(start: string, headers: RtspMessage["headers"]): void {
    const method = /^([A-Z_]{1,32}) \S+ RTSP\/\d\.\d$/.exec(start)?.[1];
    if (method === undefined)
      throw new HoldfastError("PROTOCOL_VIOLATION", { detail: "the server sent what is not RTSP" });
    const sequence = headers.get("cseq")?.[0] ?? "";
    const answer = method === "OPTIONS" || method === "GET_PARAMETER" ? "200 OK" : "501 Not Implemented";
    if (/^\d{1,9}$/.test(sequence)) this.#write(`RTSP/1.0 ${answer}\r\nCSeq: ${sequence}\r\n\r\n`);
    this.#events.asked(method);
  }
}

/** What is wrong with the source's bytes, as a fault of the source. */
function faultOf(reason: unknown): HoldfastError {
  const error = asHoldfastError(reason, "SOURCE_FAILED");
  const { code, message } = error;
  return code.startsWith("SOURCE_") ? error : new HoldfastError("SOURCE_FAILED", { detail: message, code });
}

function failed(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", { detail });
}
