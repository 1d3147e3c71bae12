import { createHash } from 'node:crypto'
import { TooManyOutgoingRequests } from '../platform/outgoing/request-slots.ts'
import { OutgoingRequestFailed } from '../platform/outgoing-request.ts'
import { squarePicture } from '../platform/square-picture.ts'
import { TooManyWaiting } from '../platform/turns.ts'
import type { Client } from '../records/clients/client.ts'
import { findClientLogo, storeClientLogo } from '../records/clients/client-logos-store.ts'
import type { Signet } from '../signet.ts'

type Context = Pick<Signet, 'database' | 'outgoing' | 'turns' | 'log'>

/** Width and height, in pixels. Pages show logos at up to 56, on screens of up to four times the density. */
const size = 224

/** Bytes of the file at a `logo_uri`. */
const maxBytes = 1024 * 1024

/** Seconds until a logo is tried again, after there was no usable picture. */
const retryAfter = 600

/** Logos that are fetched or decoded at the same time. Each can be in memory as a whole. Visitors see nothing in the place of others, and ask again in a minute. */
const maxRunning = 20

/** Where the logos are on the issuer. */
export const logoFolder = '/logos/'

/** The path of a client's logo on our own origin: another `logo_uri` has another path. Undefined if it has none. */
export function logoPath({ client_id: id, logo_uri: uri }: Pick<Client, 'client_id' | 'logo_uri'>): string | undefined {
  // Not in the path: imported clients have ids that are longer than the parameters of a path may be.
  return uri === undefined ? undefined : `${logoFolder}${versionOf(uri)}?${new URLSearchParams({ client_id: id })}`
}

/**
 * @param clientId of the query of `logoPath`
 * @param version the last part of its path
 * @returns the logo of a client, WebP; `unusable` if it has one, but there was no usable picture; undefined if there is no such logo
 */
export type FindLogo = (clientId: string, version: string) => Promise<Buffer | 'unusable' | undefined>

/**
 * The first call for a `logo_uri` fetches it, and calls in the meantime wait for that. Anybody may ask as often as they like: a logo that cannot be had is tried again
 * after ten minutes.
 */
export function createFindLogo(signet: Context): FindLogo {
  const running = new Map<string, Promise<Buffer | undefined>>()
  return (clientId, version) => findLogo(signet, running, clientId, version)
}

async function findLogo(
  signet: Context,
  running: Map<string, Promise<Buffer | undefined>>,
  clientId: string,
  version: string,
): Promise<Buffer | 'unusable' | undefined> {
  // RFC 6749 appendix A.1; a NUL character cannot be a parameter of a statement.
  if (!/^[\x20-\x7e]{1,255}$/.test(clientId)) return undefined
  const known = await findClientLogo(signet.database, clientId)
  if (!known || versionOf(known.logoUri) !== version) return undefined
  if (known.image) return known.image
  if (known.image === null && known.triedAgo !== undefined && known.triedAgo < retryAfter) return 'unusable'
  const key = `${clientId} ${version}`
  const shared = running.get(key)
  if (shared) return (await shared) ?? 'unusable'
  if (running.size >= maxRunning) return 'unusable'
  const fetching = fetchLogo(signet, clientId, known.logoUri).finally(() => running.delete(key))
  running.set(key, fetching)
  return (await fetching) ?? 'unusable'
}

async function fetchLogo(signet: Context, clientId: string, logoUri: string): Promise<Buffer | undefined> {
  const image = await download(signet, clientId, logoUri)
  if (image !== 'later') await storeClientLogo(signet.database, { clientId, logoUri, image })
  return image === 'later' ? undefined : image
}

/** `later`: nothing is known about the logo, so the next request may try again. That is not logged, because anybody may cause it as often as they like. */
async function download(
  { outgoing, turns, log }: Context,
  clientId: string,
  logoUri: string,
): Promise<Buffer | undefined | 'later'> {
  try {
    const { body } = await outgoing.get(logoUri, { accept: 'image/webp, image/png, image/jpeg', maxBytes })
    // One at a time: decoding takes memory, and threads in which passwords are hashed as well. Not in the queue of the pictures that people upload, which anybody who
    // registers clients could fill.
    const image = await turns.take('decode a logo', () => squarePicture(body, size, 'contain'))
    if (typeof image !== 'string') return image
    log.warn({ clientId, fault: image }, 'The logo of a client is not a usable PNG, JPEG or WebP picture.')
    return undefined
  } catch (error) {
    if (error instanceof TooManyWaiting || error instanceof TooManyOutgoingRequests) return 'later'
    if (!(error instanceof OutgoingRequestFailed)) throw error
    log.warn({ clientId, err: error }, 'The logo of a client could not be fetched.')
    return undefined
  }
}

function versionOf(logoUri: string): string {
  return createHash('sha256').update(logoUri).digest('base64url').slice(0, 22)
}
