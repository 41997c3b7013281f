// Usage: node nms.mjs RTMP_PORT HTTP_PORT: node-media-server as a peer to compare with, data in the working folder.
import NodeMediaServer from "node-media-server";
import logger from "node-media-server/src/core/logger.js";

const [rtmpPort, httpPort] = process.argv.slice(2).map(Number);
const server = new NodeMediaServer({
  bind: "127.0.0.1",
  rtmp: { port: rtmpPort },
  http: { port: httpPort },
  store: { path: "./data" },
  auth: { play: false, publish: false },
});
logger.level = "none";
await server.run();
