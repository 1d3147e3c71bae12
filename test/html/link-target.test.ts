import t from 'tap'
import { hostOf, httpsOnly, safeHref } from '../../src/html/link-target.ts'

const scripts = [
  'javascript:alert(1)',
  ' javascript:alert(1)',
  'java\nscript:alert(1)',
  'JAVASCRIPT:alert(1)',
  '\u0001javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://notes.example/1',
  'about:blank',
  'view-source:https://notes.example/',
]

t.test('links to a client must be https', async (t) => {
  const refused = [
    'http://notes.example/',
    '/path',
    '//notes.example/',
    'notes.example',
    'https:',
    '',
    'com.example.app:/x',
  ]
  for (const uri of [...scripts, ...refused, undefined]) t.equal(httpsOnly(uri), undefined, String(uri))
  t.equal(httpsOnly('https://bank.example@evil.example/'), undefined, 'a URL that looks like another')
  t.equal(httpsOnly('https://user:pass@notes.example/'), undefined)
  t.equal(httpsOnly('https://notes.example/a?b=c'), 'https://notes.example/a?b=c')
  t.equal(httpsOnly('HTTPS://Nötes.example'), 'https://xn--ntes-5qa.example/', 'as the browser will read it')
})

t.test('a page leads only to a path of ours, to http(s), or to the scheme of a native application', async (t) => {
  for (const uri of [
    ...scripts,
    '',
    'path',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'ms-settings:privacy',
    'applescript://com.apple.scripteditor',
    'Explorer.AssocProtocol.search-ms:query=x',
    'ie.https://evil.example/',
    'vnd.libreoffice.command:x',
    'C:/x',
    undefined,
  ])
    t.equal(safeHref(uri), undefined, String(uri))
  for (const uri of [
    '/',
    '/sign-up?continue=a.b-c',
    'https://notes.example/callback?x=1',
    'http://127.0.0.1:4001/callback',
    'com.example.app:/callback',
    'vscode://publisher.extension/callback',
  ])
    t.equal(safeHref(uri), uri, 'unchanged')
})

t.test('the host shown is the one that the browser will open', async (t) => {
  t.equal(hostOf('https://notes.example@evil.example:8443/notes.example'), 'evil.example:8443')
  t.equal(hostOf('https://nоtes.example/'), 'xn--ntes-55d.example', 'a Cyrillic letter becomes visible')
  t.equal(hostOf('com.example.app:/callback'), undefined)
  t.equal(hostOf('com.example.app://bank.example/callback'), undefined, "an app's own text is not a host")
})
