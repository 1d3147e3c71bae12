import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createOutgoing } from '../../../src/platform/outgoing/outgoing.ts'
import { selfSigned } from '../../cli/doctor/certificate.ts'
import { freePort, type Idp, type Person, startSignet } from '../../support/idp.ts'
import { type ClientKeys, newClientKeys } from './client-keys.ts'
import { type SuiteServer, startSuiteServer, suiteName } from './suite-server.ts'
import { trustInThisProcess } from './trust.ts'

/** One Signet and one person, for all modules. */
export interface Suite {
  readonly idp: Idp
  readonly person: Person
  readonly server: SuiteServer
  /** Moves the clock by which Signet judges what it has fetched, in seconds. */
  readonly moveClock: (seconds: number) => void
  /** The suite makes new ones for each module. */
  readonly keys: {
    readonly first: ClientKeys
    readonly second: ClientKeys
    /** Those that are fetched, before and after a rotation. */
    readonly fetched: readonly [ClientKeys, ClientKeys]
  }
}

/** Starts Signet on https as `docs/certification.md` says, and the suite's own server. */
export async function startSuite(t: Test): Promise<Suite> {
  const certificate = selfSigned({ name: 'localhost' })
  trustInThisProcess(certificate.cert)
  const server = await startSuiteServer(t, selfSigned({ name: suiteName }))
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFileSync(certFile, certificate.cert)
  writeFileSync(keyFile, certificate.key, { mode: 0o600 })
  const port = await freePort()
  const issuer = `https://localhost:${port}`
  let moved = 0
  const outgoing = createOutgoing({
    settings: { issuer, port, allowPrivateNetworks: [new URL(server.base).host] },
    resolve: async () => ['127.0.0.1'],
    ca: server.certificate,
    clocks: { wall: () => Date.now() + moved, monotonic: () => performance.now() + moved },
  })
  const idp = await startSignet(
    t,
    {
      ...{ SIGNET_ISSUER: issuer, SIGNET_TLS_CERT: certFile, SIGNET_TLS_KEY: keyFile },
      ...{ SIGNET_REGISTRATION: 'open', SIGNET_LEGACY_RESPONSE_TYPES: 'on' },
    },
    { outgoing },
  )
  const [first, second, before, after] = await Promise.all([
    newClientKeys(),
    newClientKeys(),
    newClientKeys({ withKid: true }),
    newClientKeys({ withKid: true }),
  ])
  const moveClock = (seconds: number) => {
    moved += seconds * 1000
  }
  return {
    idp,
    server,
    moveClock,
    keys: { first, second, fetched: [before, after] },
    person: await personWithAllClaims(idp),
  }
}

/** The scope modules warn about each standard claim that is missing (OpenID Connect Core §5.1, §5.4). */
async function personWithAllClaims(idp: Idp): Promise<Person> {
  const person = await idp.person({
    ...{ username: 'certification', name: 'Erika Maria Mustermann', given_name: 'Erika', family_name: 'Mustermann' },
    ...{ middle_name: 'Maria', nickname: 'Eri', gender: 'female', birthdate: '1964-08-12', locale: 'de-DE' },
    ...{ profile: 'https://people.example/erika', picture: 'https://people.example/erika.png' },
    ...{ website: 'https://erika.example/', zoneinfo: 'Europe/Berlin', phone_number: '+49 30 1234567' },
    address: {
      ...{ formatted: 'Heidestraße 17\n51147 Köln\nDeutschland', street_address: 'Heidestraße 17', locality: 'Köln' },
      ...{ region: 'Nordrhein-Westfalen', postal_code: '51147', country: 'Deutschland' },
    },
  })
  return person
}
