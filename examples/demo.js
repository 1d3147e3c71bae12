import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isTaken } from './demo/ports.js'
import { createPrograms, DemoFailed } from './demo/programs.js'
import { findOrRegister } from './demo/registration.js'
import { postLogoutRedirectUri, redirectUri } from './notes/settings.js'

// Signet, an application whose people sign in with it, and an API that checks its tokens: three programs that share nothing but
// what they say to each other. docs/demo.md tells what there is to see.

/** @param {string} path of this project */
const file = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const { SIGNET_ISSUER: issuer = 'http://localhost:4000', NOTES_PORT = '4001', API_PORT = '4002' } = process.env
const notesOrigin = `http://localhost:${NOTES_PORT}`
const apiUrl = `http://localhost:${API_PORT}`
// A name, not an address: it stays the same wherever the API runs.
const audience = 'https://api.notes.example'
const dataDir = resolve(file('.'), process.env['SIGNET_DATA_DIR'] || '.signet')
// Notes reads its client here when somebody first signs in, so it can start before it is registered.
const clientFile = resolve(dataDir, 'demo.json')

const programs = createPrograms()

async function run() {
  if (!existsSync(file('dist/main.js')))
    throw new DemoFailed('Signet is not built yet: npm ci does it, or npm run build.')
  await refuseTakenPorts()
  say('Signet is starting. The first time it sets up a PostgreSQL of its own, which takes a few seconds.')
  const signetEnvironment = { SIGNET_LOG_LEVEL: 'warn', ...process.env, SIGNET_ISSUER: issuer }
  const signetReady = programs.start('Signet', [file('dist/main.js'), 'serve'], signetEnvironment)
  // Neither of the others is told anything of Signet's; the API not even that there is a Notes.
  const { PATH } = process.env
  const apiReady = programs.start('The API', [file('examples/api/main.js')], {
    ...{ PATH, ISSUER: issuer, AUDIENCE: audience, PORT: API_PORT },
  })
  const notesReady = programs.start('Notes', [file('examples/notes/main.js')], {
    ...{ PATH, ISSUER: issuer, CLIENT_FILE: clientFile, PORT: NOTES_PORT, API_URL: apiUrl, API_AUDIENCE: audience },
  })
  const origin = { origin: notesOrigin }
  const registered = findOrRegister(clientFile, {
    ...{ issuer, audience, redirectUri: redirectUri(origin), postLogoutRedirectUri: postLogoutRedirectUri(origin) },
    signetReady,
    signet: (...args) => programs.run([file('dist/main.js'), ...args], signetEnvironment),
  })
  await Promise.all([signetReady, apiReady, notesReady, registered])
  say(`The demo is ready.

  Notes, an application    ${notesOrigin}    <- open this one
  Its API                  ${apiUrl}
  Signet                   ${issuer}

Create an account on the way: any e-mail address will do, nothing is sent to it.
Accounts and consents are kept in ${dataDir}; notes are gone when the demo ends.
Ctrl-C ends the demo.`)
}

async function refuseTakenPorts() {
  const { port: signetPort } = new URL(issuer)
  const wanted = [
    // A database belongs to one issuer, so another address needs another database and other keys.
    {
      port: signetPort,
      who: 'Signet',
      otherwise: `run with SIGNET_ISSUER=http://localhost:${Number(signetPort) + 10} SIGNET_DATA_DIR=.signet-2 SIGNET_KEYS_DIR=keys-2 (an installation of its own)`,
    },
    { port: NOTES_PORT, who: 'Notes', otherwise: 'set NOTES_PORT to another port' },
    { port: API_PORT, who: 'The API', otherwise: 'set API_PORT to another port' },
  ]
  for (const { port, who, otherwise } of wanted)
    if (await isTaken(Number(port)))
      throw new DemoFailed(
        `${who} cannot start: port ${port} is in use by another program. End that one, or ${otherwise}.`,
      )
}

/** Resolves when the person has enough. npm passes on a Ctrl-C that the terminal has sent already: that is still one. */
function asked() {
  return new Promise((done) => {
    let since = Number.POSITIVE_INFINITY
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => {
        if (performance.now() - since > 1000) {
          programs.kill()
          process.exit(1)
        }
        since = Math.min(since, performance.now())
        done(undefined)
      })
  })
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`)
}

try {
  await Promise.race([run().then(() => programs.failure), programs.failure, asked().then(() => say('\nEnding …'))])
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`${error instanceof DemoFailed ? error.message : /** @type {Error} */ (error).stack}\n`)
}
if (!(await programs.stop())) process.exitCode = 1
