import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from "fastify-type-provider-zod";
import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Leases } from "../domain/ports/leases.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { Admission } from "../ops/admission.ts";
import { systemClock } from "../ops/clock.ts";
import { addApiAuth } from "./api-auth.ts";
import { createApp } from "./app.ts";
import { createHttpPort, type HttpPort } from "./http-port.ts";
import { addEventRoutes } from "./routes-events.ts";
import { addIngestRoutes } from "./routes-ingests.ts";
import { addHealthRoutes, type Readiness } from "./routes-health.ts";
import { addMetricsRoute, type MetricsText } from "./routes-metrics.ts";
import { addOriginRoutes } from "./routes-origins.ts";
import { addStreamRoutes, type Explain } from "./routes-streams.ts";
import { addSrsRoutes, type StreamLookup } from "./srs-compat.ts";

export interface ApiAppOptions {
  readonly config: Pick<Config, "bind" | "api" | "limits" | "vhosts" | "ingest">;
  readonly version: string;
  readonly registry: Registry;
  readonly leases: Pick<Leases, "inspect">;
  /** The fleet's lookup, for SRS; everything else reads past its cache. */
  readonly lookup: StreamLookup;
  readonly explain: Explain;
  readonly readiness: () => Readiness;
  readonly metrics: MetricsText;
  readonly log: Logger;
}

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 1_000;

/** The API port: what the fleet knows, for operators and programs. On loopback unless there is a token. */
export function createApiApp(options: ApiAppOptions): HttpPort {
  const { config, log, registry } = options;
  const { limits } = config;
  const most = { ...limits, connections: Math.min(MAX_CONNECTIONS, limits.connections) };
  const admission = new Admission(most, systemClock, log);
  const app = createApp({
    log,
    maxHeaderBytes: config.limits.httpHeader,
    maxBodyBytes: config.limits.httpBody,
    headersTimeoutMs: config.limits.handshakeTimeout,
    requestTimeoutMs: Math.max(REQUEST_TIMEOUT_MS, config.limits.handshakeTimeout),
    admission,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // SRS announces JSON and sends nothing; only the paths of ingests read a body.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) => done(null));

  addApiAuth(app, config.api.token);
  addOpenApi(app, options.version);
  addHealthRoutes(app, options.readiness, { details: true });
  addMetricsRoute(app, options.metrics);
  addSrsRoutes(app, { lookup: options.lookup, vhosts: config.vhosts, log });
  app.after(() => {
    addOriginRoutes(app, registry);
    addStreamRoutes(app, registry, options.explain);
    app.register((scope, _, done) => {
      const trusted = config.api.token !== undefined;
      const { allowExec } = config.ingest;
      addIngestRoutes(scope, { registry, leases: options.leases, clock: systemClock, trusted, allowExec });
      done();
    });
    addEventRoutes(app, registry);
  });
  // The settings allow `api.bind` beyond loopback only together with a token.
  const host = config.api.bind ?? (config.api.token === undefined ? "127.0.0.1" : config.bind);
  return createHttpPort(app, admission, { host, port: config.api.port, setting: "api.port" });
}

function addOpenApi(app: FastifyInstance, version: string): void {
  void app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Holdfast", version, description: "What a fleet of live-streaming origins knows." },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: nameWildcard,
    transformObject: withoutInputForms,
  });
  app.get("/api/fleet/v1/openapi.json", { schema: { hide: true } }, () => app.swagger());
}

/** OpenAPI has no `*`: the rest of the path is called `key` there. */
const nameWildcard: typeof jsonSchemaTransform = (input) => {
  const { schema, url } = jsonSchemaTransform(input);
  if (!url.endsWith("/*")) return { schema, url };
  const text = JSON.stringify(schema, withoutSettingWords).replaceAll('"*"', '"key"');
  return { schema: JSON.parse(text) as typeof schema, url: url.replace(/\*$/, ":key") };
};

/** What the schema of a setting says to Holdfast alone. */
const withoutSettingWords = (name: string, value: unknown): unknown =>
  name === "allowed" || (name === "secret" && typeof value === "string") ? undefined : value;

/** No path takes our objects in: the second form of each that Zod makes for that would only confuse. */
const withoutInputForms: typeof jsonSchemaTransformObject = (input) => {
  const document = jsonSchemaTransformObject(input);
  const { schemas = {} } = ("components" in document ? document.components : undefined) ?? {};
  for (const name of Object.keys(schemas)) if (name.endsWith("Input")) delete schemas[name];
  return document;
};
