import { avatarFolder } from '../../operations/own-avatar.ts'
import type { Account } from '../../records/accounts/account.ts'
import type { AccountDefinition } from './account-definition.ts'
import { avatarField, countAvatar, maxAvatarBytes, submitAvatar, submitAvatarRemoval } from './avatar-form.ts'
import { AvatarSection } from './avatar-section.tsx'
import { profileValues, submitProfile } from './profile-form.ts'
import { ProfileSection } from './profile-section.tsx'

/** The claims of OpenID Connect Core §5.1. */
export const profileDefinition: AccountDefinition = {
  path: '/account',
  ownPage: 'account',
  title: (messages) => messages.account.profile,
  menuLabel: (messages) => messages.accountMenu.profile,
  scripts: ['suggest-time-zone.js'],
  show: ({ signet, page, hidden, session, form, textOf }) => (
    <>
      <AvatarSection
        {...{ page, hidden, textOf }}
        form={form('avatar')}
        picture={pictureOf(session.account, signet.settings.issuer)}
      />
      <ProfileSection
        {...{ page, hidden, textOf }}
        form={form('profile', profileValues(session.account))}
        stored={session.account}
      />
    </>
  ),
  forms: [
    { path: '/account/profile', name: 'profile', submit: submitProfile },
    {
      path: '/account/avatar',
      name: 'avatar',
      upload: { field: avatarField, maxBytes: maxAvatarBytes, count: countAvatar },
      submit: submitAvatar,
    },
    { path: '/account/avatar/remove', submit: submitAvatarRemoval },
  ],
}

/** @param issuer whose pictures are shown; others are only named */
function pictureOf({ picture: url }: Account, issuer: string) {
  if (url === undefined) return undefined
  return { url, path: url.startsWith(`${issuer}${avatarFolder}`) ? url.slice(issuer.length) : undefined }
}
