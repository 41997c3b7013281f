import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { flvHeader, flvTag, type FlvTag } from "../../support/flv-file.ts";
import { PLAYERS, type PlayerName } from "../../support/players.ts";
import { PUBLISHERS, type PublisherName } from "../../support/publishers.ts";
import { Program } from "../../support/run-program.ts";
import { startNginxRtmp } from "../../support/start-nginx-rtmp.ts";
import { waitFor } from "../../support/wait.ts";
import { publishByNodeMediaServer } from "./nms-publisher.ts";

/** What a client gets. */
export interface Stage {
  /** `host:port` that leads to the origin, and keeps what is sent. */
  readonly rtmp: string;
  readonly http: string;
  readonly tags: readonly FlvTag[];
  /** A folder for files of the client. */
  readonly folder: string;
  /** Resolves once the origin has a publisher of `live/seed`. */
  readonly published: () => Promise<void>;
}

/** Runs a client until it has said what it has to say. */
type Client = (stage: Stage) => Promise<void>;

const STREAM = "live/seed";
const PLAYED = "live/cam";
const MEDIA_MS = 1_000;

function publisher(name: PublisherName): Client {
  return async ({ rtmp, http, tags, published }) => {
    const client = PUBLISHERS[name].publish({ rtmp, http }, STREAM, tags, {});
    try {
      await published();
      await client.finish(MEDIA_MS);
    } finally {
      await client.stop();
    }
  };
}

function player(name: PlayerName): Client {
  return async ({ rtmp, http }) => {
    const client = PLAYERS[name].play({ rtmp, http }, PLAYED);
    try {
      await waitFor(() => (client.progress ?? 0) > 0, { within: 30_000, what: `media for ${name}` });
      await pause();
    } finally {
      await client.stop();
    }
  };
}

/** A program that ends by itself, or is asked to after a while. */
function program(command: string, argumentsFor: (stage: Stage) => readonly string[], ms = 4_000): Client {
  return async (stage) => {
    const run = new Program(command, command, argumentsFor(stage), { timeoutMs: 30_000 });
    const asked = setTimeout(() => run.kill("SIGINT"), ms);
    await run.exit;
    clearTimeout(asked);
  };
}

const pause = (ms = 500) => new Promise((resolve) => setTimeout(resolve, ms));

/** nginx-rtmp relays what it is given to us. */
const nginxPush: Client = async ({ rtmp, tags, published }) => {
  const nginx = await startNginxRtmp({ application: [`push rtmp://${rtmp}/live;`] });
  try {
    const source = PUBLISHERS.wire.publish({ rtmp: `127.0.0.1:${nginx.port}` }, STREAM, tags, {});
    await published();
    await source.finish(MEDIA_MS);
    await pause();
  } finally {
    await nginx.stop();
  }
};

/** nginx-rtmp fetches from us what its player asks for. */
const nginxPull: Client = async ({ rtmp }) => {
  const nginx = await startNginxRtmp({ application: [`pull rtmp://${rtmp}/live;`] });
  const client = PLAYERS.wire.play({ rtmp: `127.0.0.1:${nginx.port}` }, PLAYED);
  try {
    await waitFor(() => (client.progress ?? 0) > 0, { within: 30_000, what: "media through nginx" });
  } finally {
    await client.stop();
    await nginx.stop();
  }
};

async function mediaFile({ folder, tags }: Stage): Promise<string> {
  const file = join(folder, "tiny.flv");
  await writeFile(
    file,
    Buffer.concat([flvHeader(), ...tags.filter(({ timestamp }) => timestamp < 1_500).map(flvTag)]),
  );
  return file;
}

const rtmpsink: Client = async (stage) => {
  const file = await mediaFile(stage);
  const parts = `filesrc location=${file} ! flvdemux name=d d.video ! queue ! m.video d.audio ! queue ! m.audio flvmux name=m streamable=true ! rtmpsink`;
  await program("gst-launch-1.0", () => [
    "-q",
    ...parts.split(" "),
    `location=rtmp://${stage.rtmp}/${STREAM} live=1`,
  ])(stage);
};

const rtmpsrc = program("gst-launch-1.0", ({ rtmp }) => [
  ...["-q", "rtmpsrc", `location=rtmp://${rtmp}/${PLAYED} live=1`, "num-buffers=20", "!", "fakesink"],
]);

const ffmpegPost: Client = async (stage) => {
  const file = await mediaFile(stage);
  const url = `http://${stage.http}/${STREAM}.flv`;
  await program("ffmpeg", () => [
    "-v",
    "error",
    "-nostdin",
    "-re",
    "-i",
    file,
    "-c",
    "copy",
    "-f",
    "flv",
    "-method",
    "POST",
    url,
  ])(stage);
};

/** Whole connections of clients, by the name of the seed. */
export const CLIENTS: Readonly<Record<string, Client>> = {
  "rtmp-publish-ffmpeg": publisher("ffmpeg"),
  "rtmp-publish-gstreamer": publisher("gstreamer"),
  "rtmp-publish-librtmp": rtmpsink,
  "rtmp-publish-nginx": nginxPush,
  "rtmp-publish-node-media-server": ({ rtmp, tags }) =>
    publishByNodeMediaServer(
      `rtmp://${rtmp}/${STREAM}`,
      tags.filter(({ timestamp }) => timestamp < 1_000),
    ),
  "rtmp-publish-holdfast": publisher("fleet"),
  "rtmp-play-ffmpeg": program("ffmpeg", ({ rtmp }) => [
    ...[
      "-v",
      "error",
      "-nostdin",
      "-i",
      `rtmp://${rtmp}/${PLAYED}?token=x`,
      "-t",
      "1",
      "-c",
      "copy",
      "-f",
      "null",
      "-",
    ],
  ]),
  "rtmp-play-rtmpdump": program("rtmpdump", ({ rtmp }) => [
    ...["-q", "-v", "-r", `rtmp://${rtmp}/${PLAYED}`, "-B", "1", "-o", "/dev/null"],
  ]),
  "rtmp-play-librtmp": rtmpsrc,
  "rtmp-play-gstreamer": program("gst-launch-1.0", ({ rtmp }) => [
    ...["-q", "-e", "rtmp2src", `location=rtmp://${rtmp}/${PLAYED}`, "num-buffers=20", "!", "fakesink"],
  ]),
  "rtmp-play-mpv": player("mpv"),
  "rtmp-play-nginx": nginxPull,
  "rtmp-play-node-media-server": player("nodeMediaServer"),
  "rtmp-play-holdfast": player("fleet"),
  "http-publish-curl": publisher("curl"),
  "http-publish-ffmpeg": ffmpegPost,
  "http-play-curl": player("curl"),
  "http-play-ffmpeg": player("ffmpegHttp"),
  "ws-play-ws": player("webSocket"),
};
