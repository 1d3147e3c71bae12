import fc from 'fast-check'
import t from 'tap'
import {
  documentUrlFault,
  isAllowedDocumentHost,
  looksLikeDocumentUrl,
} from '../../../src/records/clients/document-url.ts'

t.test('what is no URL of a document, or is written in a way that parsers change, is refused', async (t) => {
  for (const url of [
    'http://app.example/client',
    'HTTPS://app.example/client',
    'https:/app.example/client',
    'https:///app.example/client',
    'https://app.example',
    'https://app.example/',
    'https://app.example?x',
    'https://app.example/#',
    'https://app.example/client#',
    'https://app.example/client#a',
    'https://@app.example/client',
    'https://:@app.example/client',
    'https://user@app.example/client',
    'https://app.example@evil.example/client',
    'https://app.example/..',
    'https://app.example/.',
    'https://app.example/a/../client',
    'https://app.example/a/./client',
    'https://app.example/a/%2e%2E/client',
    'https://app.example/a/.%2e/client',
    'https://app.example/%2E',
    'https://app.example\\client',
    'https://app.example/a\\..\\client',
    'https://app.example/a%5c..%zz',
    'https://app.example/100%',
    'https://app.example/%2',
    'https://app.example/cli ent',
    'https://app.example/client ',
    ' https://app.example/client',
    'https://app.example/cli\tent',
    'https://app.example/client\n',
    'https://app.example/cliënt',
    'https://äpp.example/client',
    'https://APP.example/client',
    'https://app.example./client',
    'https://app.example:443/client',
    'https://app.example:0443/client',
    'https://app.example:0/client',
    'https://app.example:/client',
    'https://app.example:65536/client',
    'https://app.example:25/client',
    'https://0x7f.1/client',
    'https://127.1/client',
    'https://[::0001]/client',
    'https://*.example/client',
    'https://app.example/client?',
    "https://app.example/client?name='x'",
    'https://app.example/"client"',
    'https://app.example/<client>',
    'https://app.example/{client}',
    `https://app.example/${'a'.repeat(236)}`,
    'https://',
    '',
  ])
    t.type(documentUrlFault(url), 'string', JSON.stringify(url))
})

t.test('URLs of documents are accepted as they are', async (t) => {
  for (const url of [
    'https://claude.ai/oauth/mcp-oauth-client-metadata',
    'https://vscode.dev/oauth/client-metadata.json',
    'https://chatgpt.com/oauth/abc_DEF-1/client.json',
    'https://app.example:8443/client',
    'https://app.example/client/',
    'https://app.example//client',
    'https://app.example/...',
    'https://app.example/.well-known/oauth/client',
    'https://app.example/%7Euser/client%2Fa',
    'https://app.example/client?version=2',
    'https://xn--pp-xka.example/client',
    'https://192.0.2.1/client',
    'https://[2001:db8::1]/client',
    `https://app.example/${'a'.repeat(235)}`,
  ])
    t.equal(documentUrlFault(url), undefined, url)
})

t.test('whatever is accepted is requested as the same text', async () => {
  const piece = fc.oneof(
    fc.constantFrom(...['/', '.', '..', '%2e', '%2E', '%', '#', '?', '@', ':', '\\', '//', '443', '*', "'", '&', '=']),
    fc.constantFrom(
      ...['app.example', 'APP', 'ä', '\t', ' ', '%00', '%zz', '[', ']', '127.1', '|', '^', '`', 'a', '0'],
    ),
    fc.string({ maxLength: 3 }),
  )
  const host = fc.constantFrom('app.example', 'app.example:8443', 'a', 'EXAMPLE', 'app.example.', '[::1]', '')
  fc.assert(
    fc.property(host, fc.array(piece, { maxLength: 8 }), (authority, pieces) => {
      const text = `https://${authority}/${pieces.join('')}`
      if (documentUrlFault(text) !== undefined) return
      // As platform/outgoing requests it.
      const url = new URL(text)
      const [, path = ''] = /^https:\/\/[^/]*(.*)$/s.exec(text) ?? []
      if (url.protocol !== 'https:' || url.username || url.password || url.hash || text.includes('#'))
        throw new Error('parts')
      if (`https://${url.host}${url.pathname}${url.search}` !== text) throw new Error('it is requested in another form')
      if (`${url.pathname}${url.search}` !== path || !looksLikeDocumentUrl(text)) throw new Error('path')
    }),
    { numRuns: 3000 },
  )
})

t.test('an entry accepts the host itself, every host below *., or every host', async (t) => {
  const cases: [hosts: string[], url: string, accepted: boolean][] = [
    [['app.example'], 'https://app.example/c', true],
    [['app.example'], 'https://app.example:8443/c', true],
    [['app.example'], 'https://app.example.evil.example/c', false],
    [['app.example'], 'https://www.app.example/c', false],
    [['app.example'], 'https://evilapp.example/c', false],
    [['*.app.example'], 'https://www.app.example/c', true],
    [['*.app.example'], 'https://a.b.app.example/c', true],
    [['*.app.example'], 'https://app.example/c', false],
    [['*.app.example'], 'https://evilapp.example/c', false],
    [['*.app.example', 'app.example'], 'https://app.example/c', true],
    [['*'], 'https://anything.example/c', true],
    [[], 'https://app.example/c', false],
  ]
  for (const [hosts, url, accepted] of cases) t.equal(isAllowedDocumentHost(hosts, url), accepted, `${hosts} ${url}`)
})
