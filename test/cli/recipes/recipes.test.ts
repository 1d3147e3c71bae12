import { spawnSync } from 'node:child_process'
import { parseEnv } from 'node:util'
import { generateKeyPair } from 'jose'
import * as openidClient from 'openid-client'
import { parseSync } from 'oxc-parser'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { type Application, describe, exampleApplication, type Way } from '../../../src/cli/recipes/application.ts'
import type { Part } from '../../../src/cli/recipes/recipe.ts'
import {
  configurationDocument,
  findRecipe,
  instructions,
  misfit,
  notesFor,
  partsFor,
  recipes,
} from '../../../src/cli/recipes/recipes.ts'
import { CannotBeWritten } from '../../../src/cli/recipes/writing.ts'

const hostileUri = `https://app.example.com/cb'a$HOME(b);c!*?d='e'&f=$(g)`

/** Applications in which every condition of a template is met once, with values that must be quoted. */
function variants(way: Way, callback: string): Application[] {
  const example = exampleApplication(way, callback)
  const hostile = { clientId: 'a"b \\ #{1};', secret: example.secret && `it's; # x` }
  return [
    example,
    { ...example, profileInIdToken: false, idTokenAlg: 'ES256', pkce: 'required', resource: undefined },
    {
      ...example,
      issuer: 'http://localhost:4000',
      redirectUri: way === 'machine' ? '' : 'http://localhost:3000/other/path',
    },
    ...(way === 'confidential' || way === 'machine'
      ? ([
          { ...example, secretBy: 'client_secret_basic', scopes: ['read', 'write'] },
          { ...example, secretBy: 'client_secret_post', idTokenAlg: 'ES256' },
          { ...example, secretBy: 'client_secret_jwt' },
        ] as const)
      : []),
    { ...example, mustPush: true, mustSign: true, assertionAlg: 'EdDSA', jwksUri: undefined },
    { ...example, postLogoutRedirectUri: hostileUri, redirectUri: way === 'machine' ? '' : hostileUri },
    { ...example, ...hostile },
    { ...example, scopes: ['openid'], signInScopes: way === 'machine' ? [] : ['openid'] },
  ]
}

/** All configurations that were written, for the parsers that are other programs. */
const written = new Map<string, Part>()

/** What is wrong with a text in its language, as far as a parser is at hand. */
function faultIn({ file, language, text }: Part): string | undefined {
  if (['js', 'ts', 'jsx'].includes(language)) {
    const { errors } = parseSync(`text.${language === 'js' ? 'mjs' : language}`, text, { sourceType: 'module' })
    return errors[0]?.message
  }
  if (language === 'yaml') return parseAllDocuments(text).flatMap(({ errors }) => errors)[0]?.message
  if (language === 'sh' && !/shell/.test(file)) {
    const names = text.split('\n').flatMap((line) => /^([A-Z0-9_]+)=/.exec(line)?.[1] ?? [])
    return Object.keys(parseEnv(text)).sort().join() === names.sort().join() ? undefined : 'not an .env file'
  }
  return undefined
}

t.test('what an application needs to register itself can be parsed', async (t) => {
  const withIt = Object.entries(recipes).filter(([, { registersItself }]) => registersItself)
  t.same(withIt.map(([name]) => name).sort(), ['mcp', 'oauth4webapi', 'openid-client'])
  for (const [name, { registersItself }] of withIt)
    for (const issuer of ['https://id.example.com', 'http://localhost:4000'])
      for (const initialAccessToken of [undefined, "it's; # x"]) {
        const parts = registersItself?.({ issuer, initialAccessToken }) ?? []
        for (const part of parts) {
          t.equal(faultIn(part), undefined, `${part.file}\n${part.text}`)
          t.notMatch(part.text, /undefined|\ue000|[ \t]$|\n\n\n/m)
        }
        const holding = parts.filter(({ text }) => text.includes("it's; # x"))
        t.same(
          holding.map(({ file }) => file),
          initialAccessToken === undefined || name === 'mcp' ? [] : ['.env'],
          'a token is in no file that is usually committed',
        )
      }
})

for (const [name, recipe] of Object.entries(recipes))
  t.test(`the configuration for ${name} can be parsed, whatever the client's values are`, async (t) => {
    const texts: Part[] = []
    for (const way of recipe.ways)
      for (const app of variants(way, recipe.callback ?? '/callback')) {
        try {
          texts.push(...partsFor(recipe, app))
        } catch (error) {
          // Only Miniflux has the redirect URI in its environment.
          t.ok(error instanceof CannotBeWritten && name === 'miniflux' && app.redirectUri === hostileUri, String(error))
        }
      }
    t.ok(texts.length >= 3)
    for (const part of texts) {
      written.set(part.text, part)
      t.equal(faultIn(part), undefined, `${part.file}\n${part.text}`)
      t.notMatch(part.text, /undefined(?!, (?:client\.|\{))|\ue000|[ \t]$|\n\n\n\n/m, part.text)
      t.notMatch(part.text, /^\s|\s$/)
    }
  })

t.test('gofmt accepts the files of Go, if it is there', async (t) => {
  for (const { text } of [...written.values()].filter(({ language }) => language === 'go')) {
    const { status, stderr } = spawnSync('gofmt', ['-e'], {
      input: `package p\nfunc f() error {\n${text}\n}\n`,
      encoding: 'utf8',
    })
    if (status !== null) t.equal(stderr, '', text)
  }
})

t.test('openid-client 6 accepts the arguments, whatever the authentication', async (t) => {
  const fake = {
    ...openidClient,
    discovery: (issuer: URL, ...others: [string, string | undefined, openidClient.ClientAuth | undefined]) =>
      new openidClient.Configuration({ issuer: issuer.href }, ...others),
  }
  const env = { ISSUER: 'https://id.example.com', CLIENT_ID: 'id', CLIENT_SECRET: 'the secret' }
  const privateKey = { key: (await generateKeyPair('ES256')).privateKey, kid: 'one' }
  const configurationOf = (way: Way, more: Partial<Application>): openidClient.Configuration => {
    const recipe = findRecipe('openid-client')
    if (!recipe) throw new Error('openid-client')
    const parts = partsFor(recipe, { ...exampleApplication(way, '/callback'), ...more })
    const text = parts.find(({ file }) => file === 'app.mjs')?.text ?? ''
    const [, call = ''] = /await (client\.discovery\(.*\))$/m.exec(text) ?? []
    return new Function('client', 'process', 'privateKey', `return ${call}`)(fake, { env }, privateKey)
  }
  for (const issuer of ['https://id.example.com', 'http://localhost:4000']) {
    const secretIn = (way: Way, more: Partial<Application>) =>
      configurationOf(way, { issuer, ...more }).clientMetadata()['client_secret']
    for (const way of ['confidential', 'machine'] as const) {
      t.equal(secretIn(way, {}), 'the secret')
      t.equal(secretIn(way, { secretBy: 'client_secret_post' }), 'the secret')
      t.equal(secretIn(way, { secretBy: 'client_secret_basic' }), undefined, 'the method has it')
    }
    t.equal(secretIn('confidential', { secretBy: 'client_secret_jwt' }), undefined)
    t.equal(secretIn('public', {}), undefined)
    for (const assertionAlg of ['ES256', 'EdDSA']) t.equal(secretIn('key', { assertionAlg }), undefined)
  }
})

t.test('the shell accepts the commands, and Python its files and TOML, if it is there', async (t) => {
  const textsIn = (language: string) => [...written.values()].filter((part) => part.language === language)
  for (const { text } of textsIn('sh').filter(({ file }) => /shell/.test(file)))
    t.equal(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' }).stderr, '', text)
  const [python, toml] = ['python', 'toml'].map((language) => textsIn(language).map(({ text }) => text))
  t.ok(python?.length && toml?.length)
  if (spawnSync('python3', ['--version']).status !== 0) return
  const program = `import ast, json, sys
given = json.load(sys.stdin)
for text in given["python"]: ast.parse(text)
try:
    import tomllib
    for text in given["toml"]: tomllib.loads(text)
except ImportError:
    pass`
  const { stderr } = spawnSync('python3', ['-c', program], {
    input: JSON.stringify({ python, toml }),
    encoding: 'utf8',
  })
  t.equal(stderr, '')
})

t.test('a recipe that does not fit says so, and says which clients it fits', async (t) => {
  const ways: readonly Way[] = ['confidential', 'public', 'key', 'machine']
  for (const [name, recipe] of Object.entries(recipes))
    for (const way of ways) {
      const fault = misfit(recipe, way)
      t.equal(fault === undefined, recipe.ways.includes(way), `${name} ${way}`)
      if (fault !== undefined)
        t.match(fault, /^\S.* does not fit this client, which .*: .*\. It fits a client made with --.*\.$/)
    }
  const browser = findRecipe('oidc-client-ts')
  t.match(browser && misfit(browser, 'confidential'), /has a secret: oidc-client-ts runs in the browser/)
})

t.test('names that an object has by itself are not recipes', async (t) => {
  for (const name of ['__proto__', 'constructor', 'toString', '', 'Spring']) t.equal(findRecipe(name), undefined, name)
})

t.test('every name of the documentation is a recipe', async (t) => {
  const promised =
    'openid-client openid-client-5 oauth4webapi authjs nextjs express-openid-connect passport-openidconnect fastify-oauth2 better-auth ' +
    'oidc-client-ts react-oidc-context go-oidc goth oauth2-proxy authlib requests-oauthlib django-allauth mozilla-django-oidc ' +
    'social-auth-core spring spring-resource-server nimbus quarkus dotnet openidconnect-rs omniauth mod_auth_openidc nginx-lua nginx-njs ' +
    'grafana gitea miniflux pgadmin jupyterhub kubernetes mcp curl'
  t.same(Object.keys(recipes).sort(), promised.split(' ').sort())
})

/** The notes of a recipe for an example application that differs in some members. */
function notes(name: string, more: Partial<Application>): string {
  const recipe = findRecipe(name)
  if (!recipe) throw new Error(name)
  return notesFor(recipe, { ...exampleApplication(recipe.ways[0], recipe.callback ?? '/'), ...more }).join('\n')
}

t.test('what has to be changed at the client is said with the command that changes it', async (t) => {
  t.match(notes('goth', {}), /neither PKCE nor a nonce.*: signet clients update CLIENT_ID --no-require-pkce/)
  t.notMatch(notes('goth', { pkce: 'optional' }), /--no-require-pkce/)
  t.match(notes('spring', { pkce: 'required' }), /signet clients update CLIENT_ID --require-pkce auto/)
  t.notMatch(notes('spring', {}), /--require-pkce/)
  t.match(
    notes('passport-openidconnect', { secretBy: 'client_secret_basic' }),
    /registered for client_secret_basic\. Change it: signet clients update CLIENT_ID --token-endpoint-auth-method client_secret_post/,
  )
  t.equal(notes('passport-openidconnect', { secretBy: 'client_secret_post' }), '')
  t.match(
    notes('spring', { redirectUri: 'https://notes.example/callback' }),
    /--redirect-uri https:\/\/notes\.example\/login\/oauth2\/code\/signet$/m,
  )
  t.notMatch(notes('spring', {}), /--redirect-uri/)
})

t.test(
  'what a client must do and the configuration does not is said, with the flag that ends the obligation',
  async (t) => {
    t.match(notes('spring', { mustPush: true }), /must push.*--no-require-pushed-authorization-requests$/m)
    t.equal(notes('openid-client', { mustPush: true }), '')
    t.match(
      notes('openid-client', { mustSign: true }),
      /must sign its authorization requests.*--no-require-signed-request-object$/m,
    )
    t.match(
      notes('spring', { secretBy: 'client_secret_jwt' }),
      /client_secret_jwt.*--token-endpoint-auth-method client_secret_basic$/m,
    )
    for (const name of ['openid-client', 'openid-client-5']) t.equal(notes(name, { secretBy: 'client_secret_jwt' }), '')
    t.equal(notes('curl', { mustPush: true, mustSign: true }), '')
  },
)

t.test('the redirect URI at which a library receives the answer is taken from all that are registered', async (t) => {
  const app = { redirectUri: 'https://a.example/other', otherRedirectUris: ['https://b.example/auth/callback/signet'] }
  t.notMatch(notes('authjs', app), /--redirect-uri/)
  const recipe = findRecipe('miniflux')
  if (!recipe) throw new Error('miniflux')
  const second = 'https://b.example/oauth2/oidc/callback'
  const example = { ...exampleApplication('confidential', '/x'), ...app, otherRedirectUris: [second] }
  t.match(partsFor(recipe, example)[0]?.text, `OAUTH2_REDIRECT_URL=${second}\n`)
})

t.test(
  'Auth.js gets the address of the application, without which it refuses every request in production',
  async (t) => {
    for (const name of ['authjs', 'nextjs']) {
      const recipe = findRecipe(name)
      const app = exampleApplication('confidential', `https://notes.example${recipe?.callback}`)
      t.match(recipe && partsFor(recipe, app)[0]?.text, /^AUTH_URL=https:\/\/notes\.example$/m)
    }
  },
)

t.test('a changed redirect URI does not take the others away', async (t) => {
  const app = { redirectUri: 'https://a.example/cb', otherRedirectUris: ['https://a.example/x'] }
  t.match(
    notes('spring', app),
    /update CLIENT_ID --redirect-uri https:\/\/a\.example\/login\/oauth2\/code\/signet --redirect-uri https:\/\/a\.example\/x$/m,
  )
})

t.test('an application in a folder has its redirect URI below it', async (t) => {
  t.notMatch(notes('gitea', { redirectUri: 'https://a.example/git/user/oauth2/signet/callback' }), /--redirect-uri/)
  const recipe = findRecipe('grafana')
  if (!recipe) throw new Error('grafana')
  const example = exampleApplication('confidential', 'https://a.example/grafana/login/generic_oauth')
  t.match(partsFor(recipe, example)[1]?.text, 'root_url = https://a.example/grafana/\n')
  t.match(notes('gitea', { redirectUri: 'https://a.example/xuser/oauth2/signet/callback' }), /--redirect-uri/)
})

t.test('a client that may not ask for openid is told so, except for what signs nobody in', async (t) => {
  const app = { scopes: ['read'], signInScopes: ['openid'] }
  t.match(notes('spring', app), /signet clients update CLIENT_ID --scope 'openid read'$/m)
  for (const name of ['mcp', 'curl', 'spring-resource-server', 'nginx-njs']) t.notMatch(notes(name, app), /openid read/)
})

t.test('a client that may not ask for openid reads nothing about ID tokens that it will not get', async (t) => {
  const app = exampleApplication('public', '/callback')
  t.match(describe(app).join('\n'), 'Claims: ')
  const told = describe({ ...app, scopes: ['tools'], signInScopes: [] }).join('\n')
  t.match(told, 'Without openid there is no ID token')
  t.notMatch(told, 'Claims: ')
})

t.test('a way to send the secret that the configuration names needs no change at the client', async (t) => {
  for (const [name, recipe] of Object.entries(recipes))
    for (const secretBy of ['client_secret_basic', 'client_secret_post'] as const) {
      const texts = partsFor(recipe, { ...exampleApplication(recipe.ways[0], recipe.callback ?? '/'), secretBy })
      if (texts.some(({ text }) => text.includes(secretBy))) t.notMatch(notes(name, { secretBy }), 'Change it', name)
    }
})

t.test('an id that a shell would read differently is quoted in commands', async (t) => {
  t.match(
    notes('goth', { clientId: `x'; rm -rf $HOME` }),
    "signet clients update 'x'\\''; rm -rf $HOME' --no-require-pkce",
  )
})

t.test('the issuer is never written with a slash at its end, which libraries compare', async (t) => {
  for (const [name, recipe] of Object.entries(recipes)) {
    const app = exampleApplication(recipe.ways[0], recipe.callback ?? '/callback')
    const texts = partsFor(recipe, app).map(({ text }) => text)
    t.notMatch(texts.join('\n'), /id\.example\.com\/["'\s]/, name)
  }
})

t.test('a secret is in the configuration once, and not in a file that is usually committed', async (t) => {
  const committed = /\.(?:[jt]sx?|mjs|py|go|rs|rb|java|cs|yml|properties)$/
  // Programs whose one configuration file holds everything.
  const whole = ['pgadmin']
  for (const [name, recipe] of Object.entries(recipes)) {
    const app = { ...exampleApplication(recipe.ways[0], recipe.callback ?? '/callback'), secret: 'the-secret-itself' }
    if (!recipe.ways.some((way) => way === 'confidential' || way === 'machine')) continue
    const parts = partsFor(recipe, app)
    const holding = parts.filter(({ text }) => text.includes(app.secret))
    t.ok(
      parts
        .map(({ text }) => text)
        .join()
        .split(app.secret).length <= 2,
      name,
    )
    if (!whole.includes(name))
      t.same(
        holding.filter(({ file }) => committed.test(file)),
        [],
        name,
      )
  }
})

t.test('the text and the document have the same configuration', async (t) => {
  const recipe = findRecipe('nextjs')
  if (!recipe) throw new Error('nextjs')
  const app = exampleApplication('confidential', recipe.callback ?? '/')
  const document = configurationDocument(recipe, app)
  t.same(Object.keys(document), ['.env.local', 'auth.ts', 'app/api/auth/[...nextauth]/route.ts'])
  const text = instructions(app, recipe)
  for (const [file, content] of Object.entries(document)) t.ok(text.includes(`--- ${file}\n\n${content}`), file)
  t.match(text, /^What the application needs:\n\nIssuer: https:\/\/id\.example\.com \(/)
})
