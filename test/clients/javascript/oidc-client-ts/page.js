import { UserManager } from 'oidc-client-ts'

// The settings of oidc-client-ts's own sample: authority, client and addresses, code flow, scopes.
const manager = new UserManager({
  authority: process.env.ISSUER,
  client_id: process.env.CLIENT_ID,
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  response_type: 'code',
  scope: 'openid profile email offline_access',
})
const button = (id, work) => {
  const element = Object.assign(document.createElement('button'), { id, textContent: id, onclick: work })
  document.body.append(element)
}
const show = (id, text) => document.body.append(Object.assign(document.createElement('pre'), { id, textContent: text }))

async function start() {
  if (new URLSearchParams(location.search).has('state')) {
    await manager.signinCallback()
    history.replaceState({}, '', '/')
  }
  const user = await manager.getUser()
  if (!user) return button('sign-in', () => manager.signinRedirect())
  show('me', JSON.stringify(user.profile))
  button('refresh', () =>
    manager.signinSilent().then(
      (renewed) => show('refreshed', renewed.access_token === user.access_token ? 'the same token' : 'ok'),
      (error) => show('refreshed', error.message),
    ),
  )
  button('sign-out', () => manager.signoutRedirect())
}

start().catch((error) => show('error', error.message))
