import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { insertPasskey } from '../../src/records/accounts/passkeys-store.ts'
import type { Browser, Visit } from './browser.ts'
import type { Idp, Person } from './idp.ts'

/** What an answer says, where it differs from what an honest browser and authenticator would say. */
export interface PasskeyKnobs {
  readonly type?: string
  readonly challenge?: string
  readonly origin?: string
  readonly crossOrigin?: boolean
  readonly topOrigin?: string
  readonly rpId?: string
  /** User presence and user verification. */
  readonly isPresent?: boolean
  readonly isVerified?: boolean
  readonly isBackupEligible?: boolean
  readonly isBackedUp?: boolean
  /** The counter. Undefined: it stays 0, as that of a synchronized passkey. */
  readonly counter?: number
  /** Text; null leaves it out. */
  readonly userHandle?: string | null
  readonly credentialId?: Buffer
  /** Signs with this key instead of the passkey's. */
  readonly key?: KeyObject
  /** Changes the finished answer. */
  readonly change?: (answer: Answer) => unknown
}

/** As `toJSON` of PublicKeyCredential (Web Authentication Level 3 §5.1.1). */
export interface Answer {
  id: string
  rawId: string
  type: string
  clientExtensionResults: object
  authenticatorAttachment?: string
  response: Record<string, unknown>
}

/** A passkey of a software authenticator. */
export interface SoftPasskey {
  readonly credentialId: Buffer
  readonly userHandle: string
  readonly rpId: string
  readonly key: KeyObject
  /** A COSE_Key. */
  readonly publicKey: Buffer
}

/** A software authenticator with its browser: it answers the options of pages, honestly unless it is told otherwise. */
export interface Authenticator {
  /** The newest passkey is the last. */
  readonly passkeys: SoftPasskey[]
  /** Answers the options of a `NewPasskeyButton`: JSON for the field `credential`. */
  readonly create: (options: string, knobs?: PasskeyKnobs) => string
  /** Answers the options of a `PasskeyButton` with a passkey, by default the newest: JSON for the field `credential`. */
  readonly get: (options: string, knobs?: PasskeyKnobs, passkey?: SoftPasskey) => string
}

/** @param issuer the origin of the pages */
export function createAuthenticator({ issuer }: Pick<Idp, 'issuer'>): Authenticator {
  const passkeys: SoftPasskey[] = []
  return {
    passkeys,
    create: (text, knobs = {}) => {
      const { challenge, rp, user } = JSON.parse(text)
      const passkey = newPasskey(rp.id, Buffer.from(user.id, 'base64url').toString(), knobs.credentialId)
      passkeys.push(passkey)
      const { credentialId, publicKey } = passkey
      const length = Buffer.alloc(2)
      length.writeUInt16BE(credentialId.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, publicKey])
      const authData = authenticatorData(rp.id, knobs, attested)
      return answer(credentialId, knobs, {
        clientDataJSON: clientData('webauthn.create', challenge, issuer, knobs),
        attestationObject: attestationObject(authData).toString('base64url'),
        transports: ['internal', 'hybrid'],
      })
    },
    get: (text, knobs = {}, passkey = passkeys.at(-1)) => {
      if (!passkey) throw new Error('This authenticator has no passkey.')
      const { challenge, rpId } = JSON.parse(text)
      const authData = authenticatorData(rpId, knobs)
      const clientDataJSON = clientData('webauthn.get', challenge, issuer, knobs)
      const signed = Buffer.concat([authData, sha256(Buffer.from(clientDataJSON, 'base64url'))])
      const { userHandle = passkey.userHandle } = knobs
      return answer(knobs.credentialId ?? passkey.credentialId, knobs, {
        clientDataJSON,
        authenticatorData: authData.toString('base64url'),
        signature: sign('sha256', signed, knobs.key ?? passkey.key).toString('base64url'),
        ...(userHandle !== null && { userHandle: Buffer.from(userHandle).toString('base64url') }),
      })
    },
  }
}

/** The options on a page, found by the id of the button. */
export function passkeyOptions({ text, url }: Pick<Visit, 'text' | 'url'>, id: string): string {
  const areas = text.split('<div class="passkey"').slice(1)
  const area = areas.find((html) => html.includes(`id="${id}"`))
  const options = area && /data-options="([^"]*)"/.exec(area)?.[1]
  if (options === undefined) throw new Error(`${url} has no passkey button #${id}:\n${text}`)
  return options.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

/** A page without what differs each time: challenges, and the user handles of accounts that do not exist yet. */
export function withoutChallenges(text: string): string {
  return text.replace(/&quot;(challenge|id)&quot;:&quot;[\w-]{22,}&quot;/g, '$1')
}

/** Presses a `PasskeyButton` on a page, and uses the newest passkey of the authenticator. */
export function pressPasskey(
  browser: Browser,
  page: Visit,
  authenticator: Authenticator,
  { id = 'use-passkey', ...knobs }: PasskeyKnobs & { readonly id?: string } = {},
): Promise<Visit> {
  return browser.submit(page, id, { credential: authenticator.get(passkeyOptions(page, id), knobs) })
}

/** Presses a `NewPasskeyButton` on a page: a new passkey of the authenticator. */
export function pressNewPasskey(
  browser: Browser,
  page: Visit,
  authenticator: Authenticator,
  { id = 'create-passkey', values = {}, ...knobs }: PasskeyKnobs & NewPasskeyForm = {},
): Promise<Visit> {
  return browser.submit(page, id, { ...values, credential: authenticator.create(passkeyOptions(page, id), knobs) })
}

interface NewPasskeyForm {
  readonly id?: string
  /** What else is typed into the form. */
  readonly values?: Record<string, string>
}

/**
 * Gives an account a passkey, as if its person had created it.
 *
 * @returns an authenticator that has it
 */
export async function givePasskey(
  { issuer, signet }: Pick<Idp, 'issuer' | 'signet'>,
  { sub }: Pick<Person, 'sub'>,
  more: {
    readonly authenticator?: Authenticator
    readonly name?: string
    readonly isVouched?: boolean
    readonly counter?: number
    readonly isBackupEligible?: boolean
  } = {},
): Promise<Authenticator & { readonly id: number }> {
  const { authenticator = createAuthenticator({ issuer }), name = 'Test passkey', isVouched = false } = more
  const { counter = 0, isBackupEligible = false } = more
  const passkey = newPasskey(new URL(issuer).hostname, sub)
  authenticator.passkeys.push(passkey)
  const { credentialId, publicKey } = passkey
  const stored = {
    ...{ credentialId, publicKey, signCount: counter, transports: ['internal'], isBackupEligible, isBackedUp: false },
    aaguid: '00000000-0000-0000-0000-000000000000',
  }
  const id = await inTransaction(signet.database, (tx) => insertPasskey(tx, sub, stored, { name, isVouched }))
  if (id === undefined) throw new Error('The passkey could not be inserted.')
  return { ...authenticator, id }
}

function newPasskey(rpId: string, userHandle: string, credentialId: Buffer = randomBytes(16)): SoftPasskey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  // { kty: EC2, alg: ES256, crv: P-256, x, y } (RFC 9053 §7.1.1)
  const bytes = (hex: string) => Buffer.from(hex, 'hex')
  const [ofX, ofY] = [x, y].map((coordinate) => Buffer.from(coordinate, 'base64url')) as [Buffer, Buffer]
  const cose = Buffer.concat([bytes('a5010203262001215820'), ofX, bytes('225820'), ofY])
  return { credentialId, userHandle, rpId, key: privateKey, publicKey: cose }
}

function clientData(type: string, challenge: string, issuer: string, knobs: PasskeyKnobs): string {
  const json = {
    type: knobs.type ?? type,
    challenge: knobs.challenge ?? challenge,
    origin: knobs.origin ?? issuer,
    crossOrigin: knobs.crossOrigin ?? false,
    ...(knobs.topOrigin !== undefined && { topOrigin: knobs.topOrigin }),
  }
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}

/** Web Authentication Level 3 §6.1. */
function authenticatorData(rpId: string, knobs: PasskeyKnobs, attested?: Buffer): Buffer {
  const { isPresent = true, isVerified = true, isBackupEligible = false, isBackedUp = false } = knobs
  const flags = [isPresent, false, isVerified, isBackupEligible, isBackedUp, false, attested !== undefined]
  const rest = Buffer.alloc(5)
  rest.writeUInt8(flags.reduce((sum, flag, bit) => sum + (flag ? 2 ** bit : 0), 0))
  rest.writeUInt32BE(knobs.counter ?? 0, 1)
  return Buffer.concat([sha256(knobs.rpId ?? rpId), rest, attested ?? Buffer.alloc(0)])
}

/** { fmt: 'none', attStmt: {}, authData } (Web Authentication Level 3 §8.7) */
function attestationObject(authData: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(authData.length)
  const text = (value: string) => Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)])
  const map = (bytes: number) => Buffer.from([bytes])
  return Buffer.concat([
    ...[map(0xa3), text('fmt'), text('none'), text('attStmt'), map(0xa0), text('authData')],
    ...[Buffer.from([0x59]), length, authData],
  ])
}

function answer(credentialId: Buffer, { change = (same) => same }: PasskeyKnobs, response: Record<string, unknown>) {
  const id = credentialId.toString('base64url')
  const honest: Answer = {
    ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {}, authenticatorAttachment: 'platform' },
    response,
  }
  return JSON.stringify(change(honest))
}

function sha256(data: Buffer | string): Buffer {
  return createHash('sha256').update(data).digest()
}
