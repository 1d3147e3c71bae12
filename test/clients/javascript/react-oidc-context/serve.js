import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

// Bundles the page once, and serves it.
const { ISSUER, CLIENT_ID, PORT } = process.env

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('page.jsx', import.meta.url))],
  bundle: true,
  write: false,
  jsx: 'automatic',
  define: {
    'process.env.NODE_ENV': '"production"',
    'process.env.ISSUER': JSON.stringify(ISSUER),
    'process.env.CLIENT_ID': JSON.stringify(CLIENT_ID),
  },
})
const script = outputFiles[0].text

createServer((request, response) => {
  if (request.url === '/page.js') return response.setHeader('content-type', 'text/javascript').end(script)
  response.setHeader('content-type', 'text/html').end('<!doctype html><body><script src="/page.js"></script>')
}).listen(Number(PORT), '127.0.0.1')
