import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "../../support/free-port.ts";
import { makeCertificate } from "../../support/make-certificate.ts";
import { startRedis } from "../../support/start-redis.ts";
import { openRegistry } from "./open-registry.ts";

const run = promisify(execFile);

test("rediss:// is encrypted, and the certificate is checked", async (t) => {
  const { cert, key, remove } = await makeCertificate("localhost");
  t.after(remove);
  const port = await freePort();
  const tls = [
    "--tls-port",
    `${port}`,
    "--tls-cert-file",
    cert,
    "--tls-key-file",
    key,
    "--tls-ca-cert-file",
    cert,
  ];
  const server = await startRedis({ args: [...tls, "--tls-auth-clients", "no"] });
  t.after(() => server.stop());

  const { registry } = openRegistry(t, `rediss://localhost:${port}`);
  await assert.rejects(registry.connect(), {
    code: "REGISTRY_UNAVAILABLE",
    message: /self-signed certificate/,
  });

  // Node reads further authorities once, when it starts.
  const program = `
    import { pino } from "pino";
    import { createRedisRegistry } from "./src/registry/redis-registry.ts";
    const registry = createRedisRegistry({ url: "rediss://localhost:${port}", prefix: "{holdfast}",
      commandTimeoutMs: 2000, connectTimeoutMs: 2000, log: pino({ level: "silent" }) });
    await registry.connect();
    console.log((await registry.listOrigins()).length);
    await registry.close();
  `;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: cert };
  const { stdout } = await run(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    env,
  });
  assert.equal(stdout, "0\n");
});
