import { HoldfastError } from "../../domain/errors.ts";
import * as answers from "./answers.ts";
import { isAmfObject } from "./amf0.ts";
import type { RtmpCommand } from "./commands.ts";
import type { RtmpMessage } from "./message.ts";

/** The player that some calls are for. */
interface PlayerControls {
  pause(paused: boolean): void;
  seek(): void;
}

interface Caller {
  send(...messages: readonly RtmpMessage[]): void;
}

/**
 * Answer the calls that change nothing, or nothing but a player's position.
 *
 * What nobody knows is answered with an error, if an answer is wanted: ffmpeg waits for ever for the answer to a
 * call, and ignores errors without a description.
 */
export function answerCall(caller: Caller, command: RtmpCommand, player: PlayerControls | undefined): void {
  const { name, transaction } = command;
  const answer = (...messages: readonly RtmpMessage[]): void => {
    if (transaction > 0) caller.send(...messages);
  };
  switch (name) {
    case "createStream":
      return caller.send(answers.result(transaction, answers.STREAM_ID));
    case "getStreamLength":
      return answer(answers.result(transaction, 0));
    case "releaseStream":
    case "FCPublish":
    case "_checkbw":
    case "closeStream":
    case "deleteStream":
      return answer(answers.result(transaction));
    case "FCUnpublish":
      answer(answers.result(transaction));
      return caller.send(answers.announcement("onFCUnpublish", "NetStream.Unpublish.Success", "unpublished"));
    case "FCSubscribe":
      answer(answers.result(transaction));
      return caller.send(answers.announcement("onFCSubscribe", "NetStream.Play.Start", "subscribed"));
    case "pause":
    case "pauseRaw":
      return player?.pause(command.args[1] === true);
    case "seek":
      return player?.seek();
    case "receiveAudio":
    case "receiveVideo":
      // All players share the same bytes, so nothing can be left out; "on" is what is the case. [RTMP 1.0 §7.2.2.4]
      return command.args[1] === true ? player?.seek() : undefined;
    // Answers to us, and reports. An answer to an answer would never end.
    case "_result":
    case "_error":
    case "onStatus":
      return;
    default:
      return answer(answers.callFailed(transaction, `${printable(name)} is not known here`));
  }
}

/**
 * The stream name of `publish`, `play`, `FCUnpublish` and, inside its options, of `play2`.
 *
 * @throws HoldfastError `STREAM_NAME_INVALID`
 */
export function streamNameOf(command: RtmpCommand): string {
  const argument = command.args[1];
  const name = isAmfObject(argument) ? argument["streamName"] : argument;
  if (typeof name === "string") return name;
  const reason = "it is not a string";
  throw new HoldfastError("STREAM_NAME_INVALID", {
    detail: `the stream name is not valid: ${reason}`,
    reason,
  });
}

function printable(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}
