# One image for all processes of labkeeper: worker, API, gateway, and `prepare`. Which one runs is the
# argument: `dist/worker.js`, `dist/api.js`, `dist/gateway.js`, `dist/prepare.js`.
# Debian, because Temporal's core needs glibc.
ARG NODE_VERSION=24.11.1

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs
RUN npm prune --omit=dev --no-audit --no-fund
RUN node scripts/prune-image.mjs

FROM node:${NODE_VERSION}-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/scripts/healthy.mjs ./scripts/healthy.mjs
RUN install -d -o node -g node -m 0700 /data
ENV NODE_ENV=production
ENV LABKEEPER_DATA=/data
VOLUME /data
USER node
# tini passes signals on and collects the children of children.
ENTRYPOINT ["tini", "--", "node", "--enable-source-maps"]
CMD ["dist/api.js"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "/app/scripts/healthy.mjs"]
