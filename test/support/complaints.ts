/**
 * What a player of libav complained of, without two things that are no fault of what it got when one encoder follows
 * another, and that a decoder does not mind:
 *
 * - `NULL`: libavformat's parser keeps the SPS that a stream began with, whatever headers follow.
 * - `null`: the muxer of `-f null`. The last B-frames of one encoder may be shown after the first picture of the
 *   next, and pictures are no whole number of frames apart. Decoding times do not go back.
 */
export function complaints(said: string): string {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  let forgiven = false;
  return lines
    .filter((line) => {
      // "Last message repeated" belongs to the line before.
      if (!/^\s*Last message repeated/.test(line))
        forgiven = /^\[null @|^(?:\[ffmpeg\] )?\[?NULL[ :]/.test(line);
      return !forgiven;
    })
    .join("\n");
}
