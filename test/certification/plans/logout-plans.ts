import * as channels from '../modules/channels.ts'
import * as logout from '../modules/logout.ts'
import type { PlannedModule } from './plan.ts'

const rpInitiatedName = (name: string) => `oidcc-rp-initiated-logout${name}`

export const rpInitiated: readonly PlannedModule[] = [
  { name: rpInitiatedName('-discovery-endpoint-verification'), module: logout.logoutDiscovery },
  { name: rpInitiatedName(''), module: logout.redirects() },
  {
    name: rpInitiatedName('-bad-post-logout-redirect-uri'),
    module: logout.refuses(({ post_logout_redirect_uri }) => ({
      post_logout_redirect_uri: `${post_logout_redirect_uri}/unregistered`,
    })),
  },
  { name: rpInitiatedName('-modified-id-token-hint'), module: logout.refuses(logout.unsignedHint) },
  { name: rpInitiatedName('-no-id-token-hint'), module: logout.refuses(() => ({ id_token_hint: '' })) },
  {
    name: rpInitiatedName('-no-params'),
    module: logout.saysSignedOut(() => ({ id_token_hint: '', post_logout_redirect_uri: '', state: '' })),
  },
  {
    name: rpInitiatedName('-no-post-logout-redirect-uri'),
    module: logout.saysSignedOut(() => ({ post_logout_redirect_uri: '' })),
  },
  { name: rpInitiatedName('-no-state'), module: logout.redirects(() => ({ state: '' })) },
  {
    name: rpInitiatedName('-only-state'),
    module: logout.saysSignedOut(() => ({ id_token_hint: '', post_logout_redirect_uri: '' })),
  },
  {
    name: rpInitiatedName('-query-added-to-post-logout-redirect-uri'),
    module: logout.refuses(({ post_logout_redirect_uri }) => ({
      post_logout_redirect_uri: `${post_logout_redirect_uri}?foo=bar`,
    })),
  },
  { name: rpInitiatedName('-bad-id-token-hint'), module: logout.refuses(logout.foreignHint) },
]

export const sessionManagement: readonly PlannedModule[] = [
  { name: 'oidcc-session-management-discovery-endpoint-verification', module: channels.sessionDiscovery },
  { name: 'oidcc-session-management-rp-initiated-logout', module: channels.sessionManagement },
]

export const frontChannel: readonly PlannedModule[] = [
  {
    name: 'oidcc-frontchannel-logout-discovery-endpoint-verification',
    module: channels.channelDiscovery('frontchannel'),
  },
  { name: 'oidcc-frontchannel-rp-initiated-logout', module: channels.frontChannelLogout },
]

export const backChannel: readonly PlannedModule[] = [
  {
    name: 'oidcc-backchannel-logout-discovery-endpoint-verification',
    module: channels.channelDiscovery('backchannel'),
  },
  { name: 'oidcc-backchannel-rp-initiated-logout', module: channels.backChannelLogout },
]
