# An origin of a Holdfast fleet. Where the registry is, and everything else, is told by HOLDFAST_ variables.
#
#   docker build -t holdfast .
#   docker run -p 1935:1935 -p 8080:8080 holdfast              one origin alone
#   docker compose up --scale origin=5                         a fleet, see docker-compose.yml

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
RUN node scripts/build.mjs && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY config/holdfast.yml config/
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
# RTMP; HTTP-FLV, WS-FLV and health; API (on loopback unless HOLDFAST_API__TOKEN is set)
EXPOSE 1935 8080 8090
STOPSIGNAL SIGTERM
# Liveness only: it never asks the registry, so losing Redis restarts nothing.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HOLDFAST_HTTP__PORT || 8080}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# As in the first line of dist/cli.js; why: docs/decisions/0030-garbage-is-collected-later.md
ENTRYPOINT ["node", "--initial-old-space-size=128", "dist/cli.js"]
CMD ["serve"]
