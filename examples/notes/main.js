import { readFile } from 'node:fs/promises'
import { listen } from '../listen.js'
import { createNotes } from './notes.js'

const {
  APP_NAME = 'Notes',
  PORT = '4001',
  ISSUER = 'http://localhost:4000',
  CLIENT_FILE,
  API_URL = 'http://localhost:4002',
  API_AUDIENCE = 'https://api.notes.example',
} = process.env

if (!CLIENT_FILE) {
  process.stderr.write(
    `${APP_NAME}: set CLIENT_FILE to a file with the output of \`signet clients create --json\`. See docs/demo.md.\n`,
  )
  process.exitCode = 2
} else {
  const app = createNotes({
    name: APP_NAME,
    origin: `http://localhost:${PORT}`,
    issuer: ISSUER,
    // A file, not a variable: other programs can see the environment of a process.
    client: async () => JSON.parse(await readFile(CLIENT_FILE, 'utf8')),
    api: { url: API_URL, audience: API_AUDIENCE },
  })
  await listen(app, { name: APP_NAME, port: Number(PORT) })
}
