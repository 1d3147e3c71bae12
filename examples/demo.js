import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isTaken } from './demo/ports.js'
import { createPrograms, DemoFailed } from './demo/programs.js'
import { findOrRegister } from './demo/registration.js'
import { postLogoutRedirectUri, redirectUri } from './notes/settings.js'

// Signet, an application whose users sign in with it, and an API that checks its tokens: three programs that communicate only over HTTP. A
// fourth one shows the mails that Signet writes to files.
// docs/demo.md explains what to look at.

/** @param {string} path of this project */
const file = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const {
  SIGNET_ISSUER: issuer = 'http://localhost:4000',
  NOTES_PORT = '4001',
  API_PORT = '4002',
  MAILS_PORT = '4003',
} = process.env
const notesOrigin = `http://localhost:${NOTES_PORT}`
const apiUrl = `http://localhost:${API_PORT}`
const mailsUrl = `http://localhost:${MAILS_PORT}`
// A name, not an address: it stays the same no matter where the API runs.
const audience = 'https://api.notes.example'
const dataDir = resolve(file('.'), process.env['SIGNET_DATA_DIR'] || '.signet')
// Notes reads its client from this file at the first sign-in, so it can start before it is registered.
const clientFile = resolve(dataDir, 'demo.json')

const programs = createPrograms()

async function run() {
  if (!existsSync(file('dist/main.js'))) throw new DemoFailed('Signet is not built yet. Run npm ci or npm run build.')
  await refuseTakenPorts()
  say('Signet is starting. On the first start it sets up its own PostgreSQL, which takes a few seconds.')
  const signetEnvironment = { SIGNET_LOG_LEVEL: 'warn', ...process.env, SIGNET_ISSUER: issuer }
  const signetReady = programs.start('Signet', [file('dist/main.js'), 'serve'], signetEnvironment)
  // The others get none of Signet's settings, and the API does not even know about Notes.
  const { PATH } = process.env
  const apiReady = programs.start('The API', [file('examples/api/main.js')], {
    ...{ PATH, ISSUER: issuer, AUDIENCE: audience, PORT: API_PORT },
  })
  const notesReady = programs.start('Notes', [file('examples/notes/main.js')], {
    ...{ PATH, ISSUER: issuer, CLIENT_FILE: clientFile, PORT: NOTES_PORT, API_URL: apiUrl, API_AUDIENCE: audience },
  })
  const mailsReady = programs.start('Mails', [file('examples/mails/main.js')], {
    ...{ PATH, MAIL_FOLDER: resolve(dataDir, 'mail'), PORT: MAILS_PORT },
  })
  const origin = { origin: notesOrigin }
  const registered = findOrRegister(clientFile, {
    ...{ issuer, audience, redirectUri: redirectUri(origin), postLogoutRedirectUri: postLogoutRedirectUri(origin) },
    signetReady,
    signet: (...args) => programs.run([file('dist/main.js'), ...args], signetEnvironment),
  })
  await Promise.all([signetReady, apiReady, notesReady, mailsReady, registered])
  say(`The demo is ready.

  Notes, an application    ${notesOrigin}    <- open this one
  Its API                  ${apiUrl}
  Signet                   ${issuer}
  Mails that it writes     ${mailsUrl}

Create an account when you sign in. Any e-mail address will do: mails are not sent, but shown on the last of these pages.
Accounts and consents are kept in ${dataDir}. Notes are lost when the demo stops.
Press Ctrl-C to stop the demo.`)
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
    { port: MAILS_PORT, who: 'Mails', otherwise: 'set MAILS_PORT to another port' },
  ]
  for (const { port, who, otherwise } of wanted)
    if (await isTaken(Number(port)))
      throw new DemoFailed(
        `${who} cannot start: port ${port} is in use by another program. Stop that program, or ${otherwise}.`,
      )
}

/** Resolves at the first signal to stop. npm passes on a Ctrl-C that the terminal has also sent; the two count as one. */
function interrupted() {
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
  await Promise.race([
    run().then(() => programs.failure),
    programs.failure,
    interrupted().then(() => say('\nStopping …')),
  ])
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`${error instanceof DemoFailed ? error.message : /** @type {Error} */ (error).stack}\n`)
}
if (!(await programs.stop())) process.exitCode = 1
