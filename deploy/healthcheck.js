// For HEALTHCHECK in the Dockerfile, whose image has no curl. Not `fetch`, which would demand a certificate for 127.0.0.1.
const { SIGNET_PORT = '4000', SIGNET_TLS_CERT } = process.env
const { get } = await import(SIGNET_TLS_CERT ? 'node:https' : 'node:http')

get({ host: '127.0.0.1', port: SIGNET_PORT, path: '/healthz', rejectUnauthorized: false, timeout: 2000 }, (response) =>
  process.exit(response.statusCode === 200 ? 0 : 1),
)
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
