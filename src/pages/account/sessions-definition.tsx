import { sessionsOverview } from '../../operations/account-overview.ts'
import { unknownAddress } from '../../platform/http/client-address.ts'
import { deviceReader } from '../../platform/http/device.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { sessionHandle } from './session-handle.ts'
import { submitSessionEnd } from './sessions-form.ts'
import { SessionsSection } from './sessions-section.tsx'

/** Where the person is signed in. */
export const sessionsDefinition: AccountDefinition = {
  path: '/account/sessions',
  ownPage: 'sessions',
  title: (messages) => messages.account.sessions,
  menuLabel: (messages) => messages.accountMenu.sessions,
  scripts: ['local-times.js'],
  show: showSessions,
  forms: [{ path: '/account/sessions/end', submit: submitSessionEnd }],
}

async function showSessions({ signet, session, page, hidden, timeZone }: AccountView) {
  const { sessions, ...overview } = await sessionsOverview(signet, session)
  const readDevice = await deviceReader()
  const listed = sessions.map(({ id, signedInAt, usedAt, userAgent, network }) => ({
    handle: sessionHandle(signet.secrets['request-sealing'], session.account.sub, id),
    isThisBrowser: id === session.id,
    device: network === undefined ? undefined : readDevice(userAgent),
    network: network === unknownAddress ? undefined : network,
    ...{ signedInAt, usedAt },
  }))
  return <SessionsSection {...{ page, hidden, timeZone, ...overview }} sessions={listed} />
}
