import t from 'tap'
import { openConsole } from '../console.ts'

const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: 'https://id.example.com' })
const create = (...args: string[]) => ['registration-tokens', 'create', ...args]
const count = async () => (await database.query({ text: 'SELECT FROM registration_tokens' })).rowCount

t.test('a library that cannot register itself with a token is refused, and no token is created', async (t) => {
  for (const name of ['spring', 'mcp', 'nothing', '__proto__', '']) {
    const { code, out, err } = await signet(...create('--for', name))
    t.same({ code, out }, { code: 2, out: '' }, name)
    t.match(err.replaceAll('\n', ' '), name === '' ? /must not be empty/ : /for oauth4webapi, openid-client\./)
  }
  t.equal(await count(), 0)
})

t.test('with --for, the token is in the configuration that is printed below it', async (t) => {
  const { code, out } = await signet(...create('--for', 'openid-client'))
  t.equal(code, 0)
  const [, token = ''] = /^token +(\S+)$/m.exec(out) ?? []
  t.match(out, `ISSUER=https://id.example.com\nINITIAL_ACCESS_TOKEN=${token}\n`)
  t.match(out, /^Registration with openid-client 6:$/m)
  t.match(out, /client\.dynamicClientRegistration\(/)
})

t.test('with --json there is one document, with the configuration by file', async (t) => {
  const { token, configuration } = await json<{ token: string; configuration: Record<string, string> }>(
    ...create('--for', 'oauth4webapi'),
  )
  t.same(Object.keys(configuration), ['.env', 'register.mjs'])
  t.match(configuration['.env'], `INITIAL_ACCESS_TOKEN=${token}\n`)
  t.notMatch(configuration['register.mjs'], token)
  t.notOk('configuration' in (await json<object>(...create())))
})
