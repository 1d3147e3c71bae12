import type { Queryable } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import { type PictureFault, squarePicture } from '../platform/square-picture.ts'
import { deleteAvatar, findAvatar, replaceAvatar } from '../records/accounts/avatars-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'

type Context = Pick<Signet, 'database' | 'turns'>

/** Width and height, in pixels. Applications show pictures of people at a quarter of this, on screens of up to four times the density. */
const size = 256

/** Where the pictures are on the issuer. */
export const avatarFolder = '/avatars/'

export type AvatarOutcome =
  | { readonly outcome: 'done' | typeof signedOut }
  | { readonly outcome: 'refused'; readonly fault: PictureFault }

/**
 * Replaces the picture of the signed-in person, which applications get as the claim `picture`.
 *
 * @param bytes a PNG, JPEG or WebP picture, unchecked
 * @throws TooManyWaiting
 */
export async function replaceOwnAvatar(
  signet: Context & Pick<Signet, 'settings'>,
  actor: Actor,
  session: OwnSession,
  bytes: Buffer,
): Promise<AvatarOutcome> {
  const { sub } = session.account
  // One at a time: decoding takes memory, and threads in which passwords are hashed as well.
  const image = await signet.turns.take('decode a picture', () => squarePicture(bytes, size, 'cover'))
  if (typeof image === 'string') return { outcome: 'refused', fault: image }
  const id = randomText(16)
  const replaced = await asSignedIn(signet, session, async (tx) => {
    await replaceAvatar(tx, sub, { id, image, url: `${signet.settings.issuer}${avatarFolder}${id}` })
    await recordPicture(tx, actor, session)
  })
  return { outcome: replaced === signedOut ? signedOut : 'done' }
}

/** Removes the picture of the signed-in person, whether they have uploaded it or it is somewhere else. */
export async function removeOwnAvatar(
  signet: Context,
  actor: Actor,
  session: OwnSession,
): Promise<'done' | typeof signedOut> {
  const removed = await asSignedIn(signet, session, async (tx) => {
    if (await deleteAvatar(tx, session.account.sub)) await recordPicture(tx, actor, session)
  })
  return removed === signedOut ? signedOut : 'done'
}

/** The form of an id. Nothing else is looked up. */
const idPattern = /^[\w-]{22}$/

/** The picture with this id, WebP; undefined if there is none that an account uses. Whoever knows the id may see it. */
export async function avatarImage({ database }: Pick<Signet, 'database'>, id: string): Promise<Buffer | undefined> {
  return idPattern.test(id) ? findAvatar(database, id) : undefined
}

async function recordPicture(tx: Queryable, actor: Actor, { account: { sub } }: OwnSession): Promise<void> {
  await recordEvent(tx, { type: 'account_updated', ...originOf(actor), sub, detail: { claims: ['picture'] } })
}
