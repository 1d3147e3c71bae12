import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { AuthProvider, useAuth } from 'react-oidc-context'

// The getting-started sample of react-oidc-context.
const oidcConfig = {
  authority: process.env.ISSUER,
  client_id: process.env.CLIENT_ID,
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile email offline_access',
  onSigninCallback: () => history.replaceState({}, '', '/'),
}

function App() {
  const auth = useAuth()
  const [refreshed, setRefreshed] = useState('')
  const refresh = async () => {
    const before = auth.user.access_token
    const renewed = await auth.signinSilent()
    setRefreshed(renewed && renewed.access_token !== before ? 'ok' : 'nothing new')
  }
  if (auth.activeNavigator === 'signoutRedirect') return <div>Signing you out...</div>
  if (auth.isLoading) return <div>Loading...</div>
  if (auth.error) return <div id="error">{auth.error.message}</div>
  if (!auth.isAuthenticated)
    return (
      <button type="button" id="sign-in" onClick={() => void auth.signinRedirect()}>
        Log in
      </button>
    )
  return (
    <div>
      <pre id="me">{JSON.stringify(auth.user.profile)}</pre>
      {refreshed && <pre id="refreshed">{refreshed}</pre>}
      <button type="button" id="refresh" onClick={refresh}>
        Refresh
      </button>
      <button type="button" id="sign-out" onClick={() => void auth.signoutRedirect()}>
        Log out
      </button>
    </div>
  )
}

createRoot(document.body.appendChild(document.createElement('main'))).render(
  <AuthProvider {...oidcConfig}>
    <App />
  </AuthProvider>,
)
