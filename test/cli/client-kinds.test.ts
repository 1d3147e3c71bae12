import t from 'tap'
import { openConsole } from './console.ts'

interface ClientDocument {
  readonly client_id: string
  readonly client_secret?: string
  readonly configuration?: Record<string, string>
  readonly [member: string]: unknown
}

const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: 'https://id.example.com' })

const create = (...args: string[]) => ['clients', 'create', '--name', 'App', ...args]
const web = ['--kind', 'web', '--redirect-uri', 'https://app.example/callback']
const count = async () => (await database.query({ text: 'SELECT FROM clients' })).rowCount

t.test(
  'what is missing for a kind, or does not fit it, is said with the flag, and nothing is registered',
  async (t) => {
    const cases: [string[], RegExp][] = [
      [['--kind', 'server'], /It must be one of web, spa, native, mcp, machine, device/],
      [
        ['--kind', 'device', '--redirect-uri', 'https://a.example/'],
        /A device without a browser takes no --redirect-uri: people sign in on another device/,
      ],
      [['--kind', 'device', '--for', 'spring'], /has no browser.*--kind web/],
      [['--kind', 'device', '--grant-type', 'refresh_token'], /needs authorization_code or the device code grant/],
      [['--kind', '__proto__'], /It must be one of/],
      [['--kind', ''], /It must be one of/],
      [['--kind', 'web', '--kind', 'spa'], /only once/],
      [['--kind', '--json'], /It must be one of/],
      [['--kind', 'web'], /A web application needs --redirect-uri.*such as https:\/\/app\.example\.com\/callback\./],
      [['--kind', 'web', '--redirect-uri', ''], /needs --redirect-uri/],
      [['--kind', 'spa'], /A single-page application needs --redirect-uri/],
      [['--kind', 'native'], /command-line application needs --redirect-uri.*http:\/\/127\.0\.0\.1\/callback/],
      [
        ['--kind', 'mcp'],
        /An MCP client needs --redirect-uri.*An MCP client needs --resource, the URL.*An MCP client needs --scope, such as/,
      ],
      [['--kind', 'spa', '--redirect-uri', 'com.example.app:/cb'], /not 'com\.example\.app:\/cb'.*--kind native/],
      [['--kind', 'web', '--redirect-uri', 'com.example.app:/cb'], /public clients only/],
      [
        [
          '--kind',
          'machine',
          '--redirect-uri',
          'https://a.example/',
          '--post-logout-redirect-uri',
          'https://a.example/',
        ],
        /takes no --redirect-uri.*takes no --post-logout-redirect-uri/,
      ],
      [['--kind', 'machine', '--token-endpoint-auth-method', 'none'], /needs a client with a secret/],
      [['--kind', 'web', '--for', 'authjs'], /such as .*\/auth\/callback\/signet\./],
      [[...web, '--for', 'no-such-library'], /'no-such-library' is not a library.*authjs, .*openid-client, .*spring, /],
      [[...web, '--for', '__proto__'], /'__proto__' is not a library/],
      [[...web, '--for', ''], /must not be empty/],
      [[...web, '--for', 'oidc-client-ts'], /has a secret: oidc-client-ts runs in the browser.*--kind spa/],
      [['--kind', 'spa', '--redirect-uri', 'https://app.example/', '--for', 'spring'], /is public.*--kind web/],
      [['--kind', 'machine', '--for', 'spring'], /signs nobody in.*--kind web/],
      [
        [
          '--kind',
          'web',
          '--redirect-uri',
          'https://a.example/',
          '--token-endpoint-auth-method',
          'none',
          '--for',
          'spring',
        ],
        /is public/,
      ],
    ]
    const before = await count()
    for (const [args, message] of cases) {
      const { code, out, err } = await signet(...create(...args))
      t.same({ code, out }, { code: 2, out: '' }, args.join(' '))
      t.match(err.replaceAll('\n', ' '), message)
    }
    t.equal(await count(), before)
  },
)

t.test('each kind has the metadata that such an application needs', async (t) => {
  await json('resources', 'create', '--identifier', 'https://mcp.example/mcp', '--scope', 'tools')
  const kinds: [string[], object][] = [
    [
      web,
      {
        grant_types: ['authorization_code', 'refresh_token'],
        scope: 'openid profile email offline_access',
        client_secret: String,
      },
    ],
    [
      ['--kind', 'spa', '--redirect-uri', 'https://app.example/'],
      {
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        refresh_token_rotation: true,
        client_secret: undefined,
      },
    ],
    [
      [
        '--kind',
        'native',
        '--redirect-uri',
        'com.example.app:/callback',
        '--redirect-uri',
        'http://127.0.0.1/callback',
      ],
      {
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: 'ES256',
        refresh_token_rotation: true,
      },
    ],
    [
      [
        ...['--kind', 'mcp', '--redirect-uri', 'http://127.0.0.1/callback'],
        ...['--resource', 'https://mcp.example/mcp', '--scope', 'tools offline_access'],
      ],
      {
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        scope: 'tools offline_access',
        resources: ['https://mcp.example/mcp'],
        client_secret: undefined,
      },
    ],
    [
      ['--kind', 'device'],
      {
        token_endpoint_auth_method: 'none',
        grant_types: ['refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: [],
        redirect_uris: [],
        scope: 'openid profile email offline_access',
        refresh_token_rotation: true,
        client_secret: undefined,
      },
    ],
    [
      ['--kind', 'machine'],
      { grant_types: ['client_credentials'], response_types: [], redirect_uris: [], scope: '', client_secret: String },
    ],
  ]
  for (const [args, expected] of kinds)
    t.match(await json<ClientDocument>(...create(...args)), expected, args.join(' '))
})

t.test('a web application is what is registered without a kind: nothing more is enforced', async (t) => {
  const { client_id: _, client_secret: __, ...kind } = await json<ClientDocument>(...create(...web))
  const { client_id: ___, client_secret: ____, ...plain } = await json<ClientDocument>(...create(...web.slice(2)))
  t.same(kind, plain)
})

t.test('flags beside --kind replace what the kind sets', async (t) => {
  t.match(
    await json<ClientDocument>(
      ...create('--kind', 'native', '--redirect-uri', 'http://127.0.0.1/cb', '--id-token-signed-response-alg', 'RS256'),
    ),
    { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'RS256' },
  )
  t.match(
    await json<ClientDocument>(
      ...create('--kind', 'machine', '--grant-type', 'client_credentials', '--grant-type', 'authorization_code'),
      ...['--redirect-uri', 'https://app.example/'],
    ),
    { grant_types: ['authorization_code', 'client_credentials'], redirect_uris: ['https://app.example/'] },
  )
})

t.test('the text after creating has the secret, and the same text is shown later with a placeholder', async (t) => {
  const { code, out, err } = await signet(...create(...web, '--for', 'openid-client'))
  t.same({ code, err }, { code: 0, err: '' })
  const [, clientId = ''] = /^client_id +(\S+)$/m.exec(out) ?? []
  const [, secret = ''] = /^client_secret +(\S+)$/m.exec(out) ?? []
  t.match(out, /The secret is shown only once/)
  const text = out.slice(out.indexOf('What the application needs:'))
  for (const sentence of [
    'Issuer: https://id.example.com (enter it exactly like this, without a slash at the end)\n',
    'Discovery document: https://id.example.com/.well-known/openid-configuration\n',
    `Client ID: ${clientId}\n`,
    'Secret: keep it on the server',
    'Redirect URI: https://app.example/callback (',
    'Scopes: openid profile email offline_access (',
    'PKCE: ',
    'Claims: ',
    'Configuration for openid-client 6:',
    `ISSUER=https://id.example.com\nCLIENT_ID=${clientId}\nCLIENT_SECRET=${secret}\n`,
    "redirect_uri: 'https://app.example/callback',",
  ])
    t.ok(text.includes(sentence), sentence)
  const shown = await signet('clients', 'show', '--for', 'openid-client', clientId)
  t.same(shown, { code: 0, err: '', out: text.replace(secret, 'CLIENT_SECRET') })
})

t.test('without --kind and --for, only the metadata is printed', async (t) => {
  const { out } = await signet(...create(...web.slice(2)))
  t.notMatch(out, /What the application needs/)
  t.match(out, /\nThe secret is shown only once; Signet stores only its digest\.\n$/)
  const [, clientId = ''] = /^client_id +(\S+)$/m.exec(out) ?? []
  t.notMatch((await signet('clients', 'show', clientId)).out, /What the application needs/)
})

t.test('a kind without a library prints what any library needs', async (t) => {
  const spa = await signet(...create('--kind', 'spa', '--redirect-uri', 'https://app.example/'))
  t.match(spa.out, /\nSecret: none, because whoever has the application could read it/)
  t.match(spa.out, /\nPKCE: required, with S256\.\n/)
  t.notMatch(spa.out, /client_secret/)
  const loopback = ['--redirect-uri', 'http://127.0.0.1/callback', '--post-logout-redirect-uri', 'http://127.0.0.1/bye']
  const native = await signet(...create('--kind', 'native', '--redirect-uri', 'com.example.app:/cb', ...loopback))
  t.match(native.out, /\nRedirect URIs: com\.example\.app:\/cb http:\/\/127\.0\.0\.1\/callback \(.*only the port/)
  t.match(native.out, /\nAfter signing out: http:\/\/127\.0\.0\.1\/bye \(/)
  const machine = await signet(...create('--kind', 'machine'))
  t.match(machine.out, /\nToken endpoint: https:\/\/id\.example\.com\/token \(with grant_type=client_credentials\)\n/)
  t.match(machine.out, /\nScopes: none\. .*: signet clients update client_\S+ --scope SCOPE\n/)
  t.notMatch(machine.out, /\nRedirect URI|\nPKCE:/)
  const device = await signet(...create('--kind', 'device'))
  for (const sentence of [
    'Secret: none, because whoever has the device could read it.\n',
    'Device authorization endpoint: https://id.example.com/device_authorization (',
    'Users enter the code at: https://id.example.com/device (',
    'Token endpoint: https://id.example.com/token (with grant_type=urn:ietf:params:oauth:grant-type:device_code, every 5 seconds',
    'Scopes: openid profile email offline_access (',
  ])
    t.ok(device.out.includes(`\n${sentence}`), sentence)
  t.notMatch(device.out, /\nRedirect URI|\nPKCE:|client_secret/)
})

t.test('with --json there is one document; with --for it has the configuration by file', async (t) => {
  const plain = await json<ClientDocument>(...create(...web))
  t.notOk('configuration' in plain)
  const client = await json<ClientDocument>(...create(...web, '--for', 'oauth2-proxy'))
  t.same(Object.keys(client.configuration ?? {}), ['oauth2-proxy.cfg'])
  t.match(client.configuration?.['oauth2-proxy.cfg'], `client_secret = "${client.client_secret}"\n`)
  const shown = await json<ClientDocument>('clients', 'show', client.client_id, '--for', 'oauth2-proxy')
  t.match(shown.configuration?.['oauth2-proxy.cfg'], 'client_secret = "CLIENT_SECRET"\n')
  t.notOk('client_secret' in shown)
})

t.test('a library that does not fit an existing client is refused, and so is an unknown one', async (t) => {
  const { client_id } = await json<ClientDocument>(...create(...web))
  t.match(await signet('clients', 'show', client_id, '--for', 'oidc-client-ts'), {
    code: 1,
    out: '',
    err: /^signet: oidc-client-ts does not fit this client, which has a secret/,
  })
  t.match(await signet('clients', 'show', client_id, '--for', 'nothing'), { code: 2, out: '', err: /'nothing' is not/ })
})

t.test('a redirect URI with quotes and dollar signs cannot end a string, and a secret is never lost', async (t) => {
  const uri = `https://app.example/cb'$(id)';"$HOME"`.replaceAll('"', '')
  const hostile = ['--kind', 'web', '--redirect-uri', uri]
  const script = await json<ClientDocument>(...create(...hostile, '--for', 'openid-client'))
  t.match(script.configuration?.['app.mjs'], `redirect_uri: 'https://app.example/cb\\'$(id)\\';$HOME',`)
  // An .env file cannot hold it: the client exists already, so its secret is printed first.
  const { code, out, err } = await signet(...create(...hostile, '--for', 'miniflux'))
  t.equal(code, 1)
  t.match(out, /^client_secret +\S{43}$/m)
  t.match(err, /cannot be written in an \.env file/)
  const asJson = await signet(...create(...hostile, '--for', 'miniflux'), '--json')
  t.match(JSON.parse(asJson.out), { client_secret: /^\S{43}$/, configuration: undefined })
  t.match(asJson, { code: 1, err: /cannot be written/ })
})

t.test('the APIs of a client are named, and the first is in the configuration', async (t) => {
  await json('resources', 'create', '--identifier', 'https://api.example', '--scope', 'read')
  const { out } = await signet(...create('--kind', 'machine', '--scope', 'read', '--for', 'curl'))
  t.match(out, /\nAPIs: https:\/\/api\.example \(name the one/)
  t.match(out, /--data-urlencode scope=read \\\n {2}--data-urlencode resource=https:\/\/api\.example \\\n/)
})

t.test('a name cannot change the text, because the text does not have it', async (t) => {
  const name = `"'\`$(id)\\ Issuer: https://evil.example`
  const { out } = await signet('clients', 'create', '--name', name, ...web, '--for', 'spring')
  t.notMatch(out.slice(out.indexOf('What the application needs:')), /evil/)
})
