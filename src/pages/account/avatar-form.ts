import { removeOwnAvatar, replaceOwnAvatar } from '../../operations/own-avatar.ts'
import type { PictureFault } from '../../platform/square-picture.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { type AccountFault, actorOf, type Outcome, type Submission } from './account-form.ts'

/** The field for the file. */
export const avatarField = 'avatar'

/** Bytes. Pictures of phones have 2 to 4 MB. */
export const maxAvatarBytes = 5 * 1024 * 1024

const faultTexts = {
  unknown_format: 'picture_unknown_format',
  too_many_pixels: 'picture_too_many_pixels',
  broken: 'picture_broken',
  unavailable: 'picture_unavailable',
} as const satisfies Record<PictureFault, AccountFault>

/** @throws LimitExceeded, TooManyWaiting */
export function countAvatar({ limits }: Signet, { account }: Session): Promise<void> {
  return limits.beforeAvatar(account.sub)
}

/**
 * Replaces the picture of the person.
 *
 * @throws TooManyWaiting
 */
export async function submitAvatar(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, file } = submission
  if (file === undefined) return refusedPicture('picture_missing')
  if (file === 'file_too_large') return refusedPicture('picture_too_large')
  if (file === 'several_files') return refusedPicture('picture_several')
  const replaced = await replaceOwnAvatar(signet, actorOf(submission), session, file)
  if (replaced.outcome === 'refused') {
    if (replaced.fault === 'unavailable')
      signet.log.warn(
        'A picture was refused, because the part of sharp for this machine is missing. It is an optional dependency.',
      )
    return refusedPicture(faultTexts[replaced.fault])
  }
  return replaced.outcome === 'done' ? { outcome: 'done', notice: 'picture-saved' } : { outcome: 'signed_out' }
}

/** Removes the picture of the person. */
export async function submitAvatarRemoval(signet: Signet, submission: Submission): Promise<Outcome> {
  const outcome = await removeOwnAvatar(signet, actorOf(submission), submission.session)
  return outcome === 'done' ? { outcome, notice: 'picture-removed' } : { outcome }
}

function refusedPicture(fault: AccountFault): Outcome {
  return { outcome: 'faulty', faults: new Map([[avatarField, fault]]), status: 422 }
}
