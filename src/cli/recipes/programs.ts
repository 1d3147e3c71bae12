import type { Application } from './application.ts'
import { baseOf, beyondOpenid, isPlainHttp, onServer, type Recipe, scopeOf } from './recipe.ts'
import { apache, type Code, code, codeIf, dotenv, ini, javascript, json, lua, nginx, quoted, shell } from './writing.ts'

const discoveryOf = ({ issuer }: Application) => `${issuer}/.well-known/openid-configuration`

/** TOML, YAML and JSON itself write strings as JSON does. */
const [toml, yaml] = [json, json]

export const programRecipes = {
  'oauth2-proxy': {
    title: 'oauth2-proxy',
    ways: ['confidential'],
    because: onServer,
    callback: '/oauth2/callback',
    callbackIsFixed: true,
    notes: [
      'It refuses people whose e-mail address is not verified: signet users update ADDRESS --email-verified, or insecure_oidc_allow_unverified_email = true.',
    ],
    parts: (app) => [
      {
        file: 'oauth2-proxy.cfg',
        language: 'toml',
        text: toml`
          provider = "oidc"
          provider_display_name = "Signet"
          oidc_issuer_url = ${app.issuer}
          client_id = ${app.clientId}
          client_secret = ${app.secret}
          redirect_url = ${app.redirectUri}
          scope = ${scopeOf(app)}
          code_challenge_method = "S256"
          # Encrypts its cookies: openssl rand -base64 32 | tr -- '+/' '-_'
          cookie_secret = ""
          ${codeIf(app.redirectUri.startsWith('http:'), 'cookie_secure = false # only for http on your own machine')}
          email_domains = ["*"]
          upstreams = ["http://127.0.0.1:8080/"]
        `,
      },
    ],
  },
  mod_auth_openidc: {
    title: 'mod_auth_openidc (Apache)',
    ways: ['confidential'],
    because: onServer,
    callback: '/redirect_uri',
    notes: [
      'The redirect URI must be a path below a protected location that has no content of its own.',
      'Version 2.4.12 shows a page about target_link_uri for every error that has an iss (RFC 9207): signet events refusals has the reason.',
    ],
    parts: (app) => [
      {
        file: "Apache's configuration",
        language: 'apache',
        text: apache`
          OIDCProviderMetadataURL ${discoveryOf(app)}
          OIDCClientID ${app.clientId}
          OIDCClientSecret ${app.secret}
          OIDCProviderTokenEndpointAuth ${app.secretBy}
          OIDCRedirectURI ${app.redirectUri}
          OIDCScope ${scopeOf(app)}
          OIDCPKCEMethod S256
          # Encrypts its cookies and its cache. With a fixed value, sessions survive a restart.
          OIDCCryptoPassphrase "exec:/usr/bin/openssl rand -base64 32"

          <Location "/">
            AuthType openid-connect
            Require valid-user
          </Location>
        `,
      },
    ],
  },
  'nginx-lua': {
    title: 'lua-resty-openidc (nginx)',
    ways: ['confidential'],
    because: onServer,
    callback: '/redirect_uri',
    parts: (app) => [
      {
        file: 'nginx.conf',
        language: 'nginx',
        text: lua`
          http {
            lua_shared_dict discovery 1m;
            lua_shared_dict jwks 1m;
            # resolver and lua_ssl_trusted_certificate are needed too.

            server {
              location / {
                access_by_lua_block {
                  local res, err = require("resty.openidc").authenticate({
                    discovery = ${discoveryOf(app)},
                    client_id = ${app.clientId},
                    client_secret = ${app.secret},
                    token_endpoint_auth_method = ${app.secretBy},
                    redirect_uri = ${app.redirectUri},
                    scope = ${scopeOf(app)},
                    use_pkce = true,
                    use_nonce = true,
                    ${codeIf(isPlainHttp(app), 'ssl_verify = "no", -- only for http on your own machine')}
                    ${codeIf(!isPlainHttp(app), 'ssl_verify = "yes",')}
                  })
                  if err then
                    ngx.log(ngx.ERR, err)
                    ngx.exit(ngx.HTTP_INTERNAL_SERVER_ERROR)
                  end
                  ngx.req.set_header("X-User", res.id_token.sub)
                }
                proxy_pass http://127.0.0.1:8080;
              }
            }
          }
        `,
      },
    ],
  },
  'nginx-njs': {
    title: 'nginx with njs (introspection)',
    ways: ['machine', 'confidential'],
    because: 'needs a client with a secret',
    secretBy: 'client_secret_basic',
    notes: [
      'It asks Signet about the access token of each request. First say that this client serves the API: signet resources update IDENTIFIER --served-by CLIENT_ID',
      'To verify tokens without a request to Signet, put signet-verify or any JWT library behind nginx.',
    ],
    parts: (app) => [
      { file: 'the environment', language: 'sh', text: dotenv`CLIENT_SECRET=${app.secret}` },
      {
        file: 'nginx.conf',
        language: 'nginx',
        text: nginx`
          env CLIENT_SECRET; # outside of http

          http {
            js_import oauth2.js;
            resolver 127.0.0.1; # your DNS server
            js_fetch_trusted_certificate /etc/ssl/certs/ca-certificates.crt;

            server {
              location / {
                auth_request /_introspect;
                auth_request_set $token_sub $sent_http_token_sub;
                proxy_set_header X-User $token_sub;
                proxy_pass http://127.0.0.1:8080;
              }

              location = /_introspect {
                internal;
                js_content oauth2.introspect;
              }
            }
          }
        `,
      },
      {
        file: 'oauth2.js',
        language: 'js',
        text: javascript`
          const credentials = [${app.clientId}, process.env.CLIENT_SECRET].map(encodeURIComponent).join(':')

          async function introspect(r) {
            const bearer = /^Bearer ([\\w.~+/=-]+)$/i.exec(r.headersIn.Authorization || '')
            if (!bearer) return r.return(401)
            const answer = await ngx.fetch(${`${app.issuer}/introspect`}, {
              method: 'POST',
              headers: {
                Authorization: 'Basic ' + Buffer.from(credentials).toString('base64'),
                'Content-Type': 'application/x-www-form-urlencoded',
              },
              body: 'token=' + encodeURIComponent(bearer[1]),
            })
            if (!answer.ok) return r.return(500)
            const introspection = await answer.json()
            const audiences = [].concat(introspection.aud || [])
            if (!introspection.active || !audiences.includes(${app.resource ?? 'https://api.example.com'})) return r.return(401)
            r.headersOut['Token-Sub'] = introspection.sub
            return r.return(204)
          }

          export default { introspect }
        `,
      },
    ],
  },
  grafana: {
    title: 'Grafana',
    ways: ['confidential'],
    because: onServer,
    callback: '/login/generic_oauth',
    callbackIsFixed: true,
    notes: [
      'For roles from groups: add groups to scopes, and set role_attribute_path (a JMESPath expression over userinfo).',
    ],
    parts: (app) => [
      { file: 'the environment', language: 'sh', text: dotenv`GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET=${app.secret}` },
      {
        file: 'grafana.ini',
        language: 'ini',
        text: ini`
          [server]
          root_url = ${`${baseOf(app, '/login/generic_oauth')}/`}

          [auth.generic_oauth]
          enabled = true
          name = Signet
          client_id = ${app.clientId}
          scopes = ${{ code: scopeOf(app) }}
          auth_url = ${`${app.issuer}/authorize`}
          token_url = ${`${app.issuer}/token`}
          api_url = ${`${app.issuer}/userinfo`}
          use_pkce = true
          ${codeIf(app.secretBy, `auth_style = ${app.secretBy === 'client_secret_post' ? 'InParams' : 'InHeader'}`)}
          login_attribute_path = preferred_username || email || sub
          name_attribute_path = name
          email_attribute_path = email
          allow_sign_up = true
        `,
      },
    ],
  },
  gitea: {
    title: 'Gitea or Forgejo',
    ways: ['confidential'],
    because: 'cannot send PKCE, which a public client needs',
    callback: '/user/oauth2/signet/callback',
    callbackIsFixed: true,
    sends: 'neither',
    notes: ['The path of the redirect URI contains the name of the authentication source, signet.'],
    parts: (app) => [
      {
        file: 'a shell, as the user that runs Gitea',
        language: 'sh',
        text: shell`
          gitea admin auth add-oauth --name signet --provider openidConnect \\
            --key ${app.clientId} --secret ${app.secret} \\
            ${codeIf(app.signInScopes.length > 1, `${giteaScopes(app)} \\`)}
            --auto-discover-url ${discoveryOf(app)}
        `,
      },
    ],
  },
  miniflux: {
    title: 'Miniflux',
    ways: ['confidential'],
    because: onServer,
    callback: '/oauth2/oidc/callback',
    callbackIsFixed: true,
    parts: (app) => [
      {
        file: 'miniflux.conf or the environment',
        language: 'sh',
        text: dotenv`
          OAUTH2_PROVIDER=oidc
          OAUTH2_OIDC_PROVIDER_NAME=Signet
          OAUTH2_OIDC_DISCOVERY_ENDPOINT=${app.issuer}
          OAUTH2_CLIENT_ID=${app.clientId}
          OAUTH2_CLIENT_SECRET=${app.secret}
          OAUTH2_REDIRECT_URL=${app.redirectUri}
          OAUTH2_USER_CREATION=1
        `,
      },
    ],
  },
  kubernetes: {
    title: 'Kubernetes (kubectl with kubelogin)',
    ways: ['public', 'confidential'],
    publicKind: 'native',
    callback: 'http://localhost:8000',
    notes: [
      'The user name in the cluster is sub, which is never given to anybody else. An e-mail address could be, and Kubernetes refuses one that is not verified.',
      'For groups: register the scope groups, and add claimMappings.groups and --oidc-extra-scope=groups.',
    ],
    parts: (app) => [
      {
        file: 'the file of --authentication-config of the API server',
        language: 'yaml',
        text: yaml`
          apiVersion: apiserver.config.k8s.io/v1
          kind: AuthenticationConfiguration
          jwt:
            - issuer:
                url: ${app.issuer}
                audiences: [${app.clientId}]
              claimMappings:
                username:
                  claim: sub
                  prefix: "signet:"
        `,
      },
      {
        file: 'a shell of each user',
        language: 'sh',
        text: shell`
          kubectl config set-credentials signet --exec-api-version=client.authentication.k8s.io/v1 \\
            --exec-interactive-mode=Never --exec-command=kubectl \\
            ${kubeloginArguments(app)}
        `,
      },
    ],
  },
  mcp: {
    title: 'MCP client (TypeScript SDK)',
    isOAuthOnly: true,
    ways: ['public', 'confidential'],
    publicKind: 'mcp',
    callback: 'http://127.0.0.1/callback',
    notes: [
      'Register the MCP server as an API: signet resources create --identifier URL --scope SCOPE. The identifier is the URL of the server, to the letter, because the client sends it as resource.',
      'A refresh token needs offline_access in scopes_supported of the MCP server, or in scope here.',
    ],
    registersWithoutToken: true,
    registersItself: () => [
      {
        file: 'in the OAuthClientProvider',
        language: 'js',
        text: javascript`
          const stored = {} // keep it in a file that only the user can read
          const provider = {
            redirectUrl: 'http://127.0.0.1:8090/callback',
            clientMetadata: {
              client_name: 'Assistant',
              redirect_uris: ['http://127.0.0.1:8090/callback'],
              token_endpoint_auth_method: 'none',
              grant_types: ['authorization_code', 'refresh_token'],
            },
            clientInformation: () => stored.client,
            saveClientInformation: (client) => { stored.client = client },
            tokens: () => stored.tokens,
            saveTokens: (tokens) => { stored.tokens = tokens },
            codeVerifier: () => stored.codeVerifier,
            saveCodeVerifier: (codeVerifier) => { stored.codeVerifier = codeVerifier },
            // Signet no longer knows the client, or the tokens.
            invalidateCredentials: (what) => {
              if (what === 'all' || what === 'client') delete stored.client
              if (what === 'all' || what === 'tokens') delete stored.tokens
            },
            // Compare it with the state at the redirect URI.
            state: () => (stored.state = crypto.randomUUID()),
            redirectToAuthorization: (url) => { console.log(\`Open \${url}\`) },
          }
        `,
      },
    ],
    parts: (app) => [
      ...(app.secret === undefined
        ? []
        : [{ file: 'the environment', language: 'sh', text: dotenv`CLIENT_SECRET=${app.secret}` }]),
      {
        file: 'in the OAuthClientProvider',
        language: 'js',
        text: javascript`
          const clientInformation = {
            client_id: ${app.clientId},
            ${codeIf(app.secret, 'client_secret: process.env.CLIENT_SECRET,')}
          }
          const provider = {
            clientInformation: () => clientInformation,
            redirectUrl: ${app.redirectUri},
            clientMetadata: {
              redirect_uris: [${app.redirectUri}],
              scope: ${app.scopes.join(' ')},
            },
            // … tokens, saveTokens, redirectToAuthorization, saveCodeVerifier, codeVerifier
          }
        `,
      },
    ],
  },
  curl: {
    title: 'curl',
    ways: ['machine'],
    because: 'gets a token for itself; nobody signs in',
    parts: (app) => [
      {
        file: 'a shell',
        language: 'sh',
        text: shell`
          curl ${code(basicOrPost(app))} --data grant_type=client_credentials \\
            ${codeIf(app.scopes.length > 0, `--data-urlencode ${quoted('shell', `scope=${app.scopes.join(' ')}`)} \\`)}
            ${codeIf(app.resource, `--data-urlencode ${quoted('shell', `resource=${app.resource}`)} \\`)}
            ${`${app.issuer}/token`}
        `,
      },
    ],
  },
} satisfies Record<string, Recipe>

/** It asks for openid itself. */
function giteaScopes(app: Application): string {
  return beyondOpenid(app)
    .map((scope) => `--scopes ${scope}`)
    .join(' ')
}

function kubeloginArguments({ issuer, clientId, secret }: Application): Code {
  const args = ['oidc-login', 'get-token', `--oidc-issuer-url=${issuer}`, `--oidc-client-id=${clientId}`]
  const all = secret === undefined ? args : [...args, `--oidc-client-secret=${secret}`]
  return { code: all.map((arg) => `--exec-arg=${quoted('shell', arg)}`).join(' \\\n  ') }
}

/** RFC 6749 §2.3.1: in the header, both are form-encoded. */
function basicOrPost(app: Application): string {
  if (app.secretBy !== 'client_secret_post')
    return `--user ${quoted('shell', [app.clientId, app.secret ?? ''].map((text) => encodeURIComponent(text)).join(':'))}`
  return [
    `--data-urlencode ${quoted('shell', `client_id=${app.clientId}`)}`,
    `--data-urlencode ${quoted('shell', `client_secret=${app.secret}`)}`,
  ].join(' ')
}
