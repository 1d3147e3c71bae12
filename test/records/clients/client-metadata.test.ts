import fc from 'fast-check'
import t from 'tap'
import {
  changeMetadata,
  completeMetadata,
  type RegistrationContext,
} from '../../../src/records/clients/client-metadata.ts'
import { InvalidClientMetadata, type MetadataInput } from '../../../src/records/clients/metadata-members.ts'
import { isClaimable, redirectUriFault } from '../../../src/records/clients/redirect-uri-rules.ts'

const terms: RegistrationContext = {
  resources: [
    { identifier: 'https://invoices.example', scopes: ['invoices:read', 'invoices:write'] },
    { identifier: 'https://mail.example', scopes: ['mail'] },
    { identifier: 'https://silent.example', scopes: [] },
  ],
}
const operatorTerms: RegistrationContext = { ...terms, byOperator: true }
const uri = 'https://app.example/callback'

const complete = (input: MetadataInput) => completeMetadata({ redirect_uris: [uri], ...input }, terms)

/** The refusal of an input; throws if it is accepted. */
function refusal(input: MetadataInput, by = terms): InvalidClientMetadata {
  try {
    completeMetadata({ redirect_uris: [uri], ...input }, by)
  } catch (error) {
    if (error instanceof InvalidClientMetadata) return error
    throw error
  }
  throw new Error('It was accepted.')
}

t.test('redirect URIs that could lead elsewhere are rejected with the error code of RFC 7591', async (t) => {
  const refused: Record<string, RegExp> = {
    '': /characters/,
    '/callback': /not an absolute URI/,
    'app.example/callback': /not an absolute URI/,
    '//app.example/callback': /not an absolute URI/,
    'https://app.example/callback#': /fragment/,
    'https://app.example/callback#code': /fragment/,
    'https://bank.example@evil.example/': /user name/,
    'https://bank.example:443@evil.example/': /user name/,
    'https://@app.example/': /user name/,
    'https://app.example/a b': /characters/,
    'https://app.example/\t': /characters/,
    'https://app.example/\n': /characters/,
    'https://app.example/\0': /characters/,
    'https://app.example\\@evil.example/': /characters/,
    'https://app.example/caf\u00e9': /characters/,
    'https://\u0430pp.example/': /characters/, // a Cyrillic letter
    'https://app.example/%zz': /characters/,
    'https://app.example/%': /characters/,
    'https://app.example/"': /characters/,
    'https://app.example/<script>': /characters/,
    [`https://app.example/${'x'.repeat(1981)}`]: /longer than 2000/,
    'https://*.example/callback': /wildcard/,
    'https://*/callback': /wildcard/,
    'https://app.example./callback': /trailing dot/,
    'https://APP.example/callback': /lower case/,
    'HTTPS://app.example/callback': /lower case/,
    'https://0x7f.1/': /usual form/,
    'https://127.1/': /usual form/,
    'https://2130706433/': /usual form/,
    'https://[0:0:0:0:0:0:0:1]/': /usual form/,
    'https://%65vil.example/': /usual form/,
    'https://app..example/': /malformed host/,
    'https://app.example:/callback': /no host/,
    'https://app.example:99999/': /not a URI/,
    'https://app.example:80x/': /not a URI/,
    'https://': /not a URI/,
    'https:app.example/callback': /no host/,
    'https:///app.example/callback': /no host/,
    'https://app.example/a/../b': /dot-segments/,
    'https://app.example/a/./b': /dot-segments/,
    'https://app.example/..': /dot-segments/,
    'https://app.example/a/%2e%2e/b': /dot-segments/,
    'https://app.example/a/.%2E/b': /dot-segments/,
    'https://app.example/a/%2e': /dot-segments/,
    'http://app.example/callback': /https, or http on loopback/,
    'http://127.0.0.1.evil.example/': /https, or http on loopback/,
    'http://localhost.evil.example/': /https, or http on loopback/,
    'http://10.0.0.1/': /https, or http on loopback/,
    'http://localhost./': /trailing dot/,
    'javascript:alert(1)': /operating systems handle/,
    'data:text/html,hello': /operating systems handle/,
    'file:///etc/passwd': /operating systems handle/,
    'blob:https://app.example/1': /operating systems handle/,
    'myapp://callback': /private-use scheme that is a reversed domain name/,
    'com.example.app:/callback': /public clients only/,
    'https://app.example:6000/': /port 6000, which browsers block/,
    'http://localhost:6666/callback': /port 6666/,
    'https://app.example/callback?x=1&state': /must not have state in its query/,
    'COM.example.app:/callback': /lower case/,
  }
  for (const [redirectUri, message] of Object.entries(refused)) {
    const error = refusal({ redirect_uris: [uri, redirectUri] })
    t.equal(error.code, 'invalid_redirect_uri', redirectUri.slice(0, 60))
    t.match(error.message, message)
    t.match(error.message, /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,250}$/, 'as error_description may be (RFC 6749 §5.2)')
    t.equal(refusal({ post_logout_redirect_uris: [redirectUri] }).code, 'invalid_client_metadata')
  }
  t.equal(refusal({ redirect_uris: [] }).code, 'invalid_redirect_uri')
  const publicClient = { token_endpoint_auth_method: 'none' }
  t.match(refusal({ ...publicClient, redirect_uris: ['com.example.app:/a/../b'] }).message, /dot-segments/)
  t.match(refusal({ ...publicClient, redirect_uris: ['com.example.app:/a#b'] }).message, /fragment/)
  t.match(refusal({ ...publicClient, redirect_uris: ['com.example.app://user@host/'] }).message, /user name/)
  t.match(
    refusal({ ...publicClient, redirect_uris: ['javascript:alert(1)'] }).message,
    /browsers or operating systems handle/,
  )
})

t.test('the query of a redirect URI cannot contain a parameter that responses add', async (t) => {
  const names = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri', 'session_state', 'response']
  names.push('access_token', 'token_type', 'expires_in', 'scope', 'id_token')
  for (const name of names)
    for (const query of [
      `${name}=x`,
      name,
      `a=b&${name}=`,
      `%${name.charCodeAt(0).toString(16)}${name.slice(1)}=x`,
      `?&${name}=x&${name}=y`.slice(1),
    ]) {
      const error = refusal({ redirect_uris: [`${uri}?${query}`] }, operatorTerms)
      t.match(error, { code: 'invalid_redirect_uri', message: new RegExp(`must not have ${name} in its query`) }, query)
    }
  const like = ['states=x', 'State=x', 'x=state', 'xcode=1&codex=2', 'a=b&b=%26state=x', 'x=1;state=2']
  t.same(complete({ redirect_uris: like.map((query) => `${uri}?${query}`) }).redirect_uris.length, like.length)
  t.match(refusal({ post_logout_redirect_uris: [`${uri}?state=x`] }).message, /must not have state/)
  t.same(complete({ post_logout_redirect_uris: [`${uri}?code=x`] }).post_logout_redirect_uris, [`${uri}?code=x`])
})

t.test('a scheme that browsers or operating systems act on cannot be registered', async (t) => {
  const schemes = [
    ...[
      'javascript',
      'data',
      'blob',
      'file',
      'filesystem',
      'about',
      'view-source',
      'vbscript',
      'jar',
      'wyciwyg',
      'resource',
    ],
    ...[
      'chrome',
      'chrome-extension',
      'moz-extension',
      'edge',
      'devtools',
      'intent',
      'content',
      'android-app',
      'market',
      'ws',
    ],
    ...[
      'wss',
      'ftp',
      'mailto',
      'tel',
      'sms',
      'callto',
      'facetime',
      'itms',
      'itms-services',
      'itms-appss',
      'ms-settings',
      'ms-msdt',
    ],
    ...[
      'ms-word',
      'ms-appinstaller',
      'search-ms',
      'search',
      'shell',
      'hcp',
      'mk',
      'res',
      'microsoft-edge',
      'ldap',
      'smb',
      'afp',
      'ssh',
    ],
    ...[
      'telnet',
      'vnc',
      'x-man-page',
      'x-apple.systempreferences',
      'x-apple-helpbasic',
      'microsoft.windows.camera',
      'vnd.ms.radio',
    ],
    ...[
      'ie.http',
      'web+bank',
      'ext+bank',
      'c',
      'openid',
      'openid4vp',
      'otpauth',
      'prefs',
      'app-prefs',
      'shortcuts',
      'webcal',
    ],
    ...'applescript apple-news appletv com.apple.mail x-apple-health dict xcode photos-navigation clock-alarm'.split(
      ' ',
    ),
    ...'microsoft microsoftmusic microsoftvideo microsoft-edge-holographic microsoft.workfolders mswindowsmusic'.split(
      ' ',
    ),
    ...'mswindowsvideo tbauth windows.tbauth windowsmail.url.mailto outlook.url.mailto.15 wmp11.assocprotocol.mms'.split(
      ' ',
    ),
    ...'explorer.assocprotocol.search-ms explorer.erasedisc ie.https ie.ftp ie.assocfile.htm com.microsoft.builder3d'.split(
      ' ',
    ),
    ...'com.microsoft.3dviewer msi.package application.manifest exefile htafile xboxgames xbox-tcui bingmaps'.split(
      ' ',
    ),
    ...'firefox-bridge firefox-private-bridge firefoxurl-308046b0af4a39cb chromehtml msedgehtm x-safari-https'.split(
      ' ',
    ),
    ...'chrome-distiller isolated-app page-icon jnlp vnd.libreoffice.command vnd.sun.star.script vnd.youtube'.split(
      ' ',
    ),
    ...'com.android.settings android.resource google.navigation lpa wifi apturl macro ipp ipps whois soap.beep'.split(
      ' ',
    ),
    ...'openid-initiate openid-initiate-issuance openid-vc haip-vp'.split(' '),
  ]
  for (const scheme of schemes)
    for (const rest of ['://callback', ':/callback', ':callback', ':x.y'])
      t.match(
        refusal({ token_endpoint_auth_method: 'none', redirect_uris: [`${scheme}${rest}`] }, operatorTerms),
        { code: 'invalid_redirect_uri', message: /has a scheme that browsers or operating systems handle/ },
        `${scheme}${rest}`,
      )
  t.match(
    refusal({ token_endpoint_auth_method: 'none', redirect_uris: ['JavaScript:x'] }, operatorTerms).message,
    /lower case/,
  )
})

t.test('a scheme without a period is only for a public client registered by an operator', async (t) => {
  const own = ['vscode://publisher.extension/callback', 'cursor://anysphere.cursor-mcp/oauth/callback', 'myapp:/cb']
  const native = { token_endpoint_auth_method: 'none', redirect_uris: own, post_logout_redirect_uris: own }
  t.same(completeMetadata(native, operatorTerms).redirect_uris, own)
  t.match(refusal(native), { code: 'invalid_redirect_uri', message: /that is a reversed domain name/ }, 'by itself')
  const confidential = { redirect_uris: own }
  t.match(refusal(confidential, operatorTerms).message, /for public clients only/)
  t.match(refusal({ ...native, redirect_uris: ['vscode://user@x/'] }, operatorTerms).message, /user name/)
  t.match(refusal({ ...native, redirect_uris: ['vscode://x/a/../b'] }, operatorTerms).message, /dot-segments/)
  t.same(own.map(isClaimable), [true, true, true])
  t.same([uri, 'http://127.0.0.1/cb', 'com.example.app:/cb'].map(isClaimable), [false, false, false])
})

t.test('without an operator, a private-use scheme must be a reversed domain name', async (t) => {
  const native = (scheme: string) => ({ token_endpoint_auth_method: 'none', redirect_uris: [`${scheme}:/callback`] })
  const kept =
    'com.example com.example.app io.github.someone.app dev.example.app org.example-1.x2 eu.europa.example'.split(' ')
  kept.push('ie.example.notes', 'de.xn--nxasmq6b.app', 'xn--p1ai.example.app', 'co.uk.example')
  for (const scheme of kept) {
    t.same(completeMetadata(native(scheme), terms).redirect_uris, [`${scheme}:/callback`])
    t.same(completeMetadata(native(scheme), operatorTerms).redirect_uris, [`${scheme}:/callback`])
  }
  const refused = 'com com. com..example com.-example com.example- com.exa+mple acrobat2021.oauth2 a.b'.split(' ')
  refused.push(
    'adobe.genuine.invoker',
    'blizzard.uri.battlenet',
    'nordvpn.notification',
    'c0m.example',
    `com.${'x'.repeat(64)}`,
  )
  for (const scheme of refused)
    t.match(
      refusal(native(scheme)),
      { code: 'invalid_redirect_uri', message: /that is a reversed domain name/ },
      scheme,
    )
  t.same(completeMetadata(native('adobe.genuine.invoker'), operatorTerms).client_name, 'adobe.genuine.invoker')
  for (const scheme of 'vscode vscode-insiders cursor windsurf zed jetbrains obsidian raycast slack'.split(' '))
    t.same(
      completeMetadata(native(scheme), operatorTerms).redirect_uris,
      [`${scheme}:/callback`],
      'editors have no other',
    )
})

t.test('valid redirect URIs are stored unchanged', async (t) => {
  const kept = [
    'https://app.example',
    'https://app.example/',
    'https://app.example:8443/callback',
    'https://app.example/callback?tenant=a&x=%20',
    'https://app_1.example/~user/c;v=1/(x)',
    'https://xn--nxasmq6b.example/cb',
    'https://app.example/..well/...',
    'https://192.0.2.1/cb',
    'https://[2001:db8::1]:444/cb',
    'http://localhost:4001/callback',
    'http://app.localhost/callback',
    'http://127.0.0.1/callback',
    'http://[::1]:5000/callback',
  ]
  t.same(complete({ redirect_uris: kept }).redirect_uris, kept)
  const own = ['com.example.app:/callback', 'com.example.app://callback/done?x=1']
  t.same(complete({ redirect_uris: own, token_endpoint_auth_method: 'none' }).redirect_uris, own)
  t.same(complete({ redirect_uris: [uri, uri] }).redirect_uris, [uri], 'without duplicates')
})

t.test('for any combination of URI parts, what is accepted leads where it says', (t) => {
  const parts = fc.constantFrom(
    ...[
      'https:',
      'http:',
      'javascript:',
      'com.example:',
      '//',
      '/',
      '\\',
      '@',
      ':',
      '#',
      '?',
      '.',
      '..',
      '%2e',
      '%2F',
      '%',
    ],
    ...[
      'app.example',
      'localhost',
      '127.0.0.1',
      '[::1]',
      'EVIL',
      'evil.example',
      '*',
      '443',
      '\t',
      ' ',
      '\u0000',
      '\u00e9',
    ],
  )
  const uris = fc.array(parts, { maxLength: 9 }).map((pieces) => pieces.join(''))
  let seen = 0
  fc.assert(
    fc.property(uris, fc.boolean(), (candidate, isPublic) => {
      if (redirectUriFault(candidate, { isPublic, byOperator: false, adds: [] }) !== undefined) return
      seen += 1
      const url = new URL(candidate)
      const text = url.href.endsWith('/') && !candidate.endsWith('/') ? url.href.slice(0, -1) : url.href
      // The browser's reading equals the text, apart from a default port or the slash after the host.
      const plain = (value: string) =>
        value.replace(/^(https:\/\/[^/?]*):443(?=[/?]|$)/, '$1').replace(/^([a-z]+:\/\/[^/?]+)(?=\?|$)/, '$1/')
      if (plain(candidate) !== plain(text)) throw new Error(`${candidate} is read as ${url.href}`)
      if (url.username !== '' || url.password !== '' || candidate.includes('#'))
        throw new Error('user name or fragment')
      if (url.protocol === 'http:' && !/^(localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(url.hostname))
        throw new Error('plain http leaves the machine')
      if (!/^https?:$/.test(url.protocol) && !(isPublic && url.protocol.includes('.'))) throw new Error('scheme')
    }),
    { numRuns: 20_000, seed: 7 },
  )
  t.ok(seen > 20, 'some are accepted')
  t.end()
})

t.test('members of the wrong type or with unsupported values are rejected', async (t) => {
  const refused: [MetadataInput, RegExp][] = [
    [{ redirect_uris: uri }, /redirect_uris must be a list/],
    [{ redirect_uris: [1] }, /redirect_uris must be a list/],
    [{ redirect_uris: { 0: uri, length: 1 } }, /redirect_uris must be a list/],
    [{ redirect_uris: Array.from({ length: 51 }, (_, n) => `${uri}${n}`) }, /more than 50/],
    [{ contacts: Array.from({ length: 51 }, (_, n) => `a${n}@app.example`) }, /more than 50/],
    [{ contacts: ['a\u0000b'] }, /contacts/],
    [{ contacts: ['c'.repeat(201)] }, /contacts/],
    [{ client_name: 1 }, /client_name must be a string/],
    [{ client_name: '' }, /client_name must be 1 to 200/],
    [{ client_name: ' \u3000 ' }, /client_name must be 1 to 200/],
    [{ client_name: 'n'.repeat(201) }, /client_name must be 1 to 200/],
    [{ client_name: 'a\u0000b' }, /control/],
    [{ client_name: 'a\u009bb' }, /control/],
    [{ client_name: 'a\u202eb' }, /control/],
    [{ client_name: 'a\ud800b' }, /control/],
    [{ grant_types: 'authorization_code' }, /grant_types must be a list/],
    [{ grant_types: [] }, /at least one/],
    [{ grant_types: ['implicit'] }, /implicit/],
    [{ grant_types: ['constructor'] }, /constructor/],
    [{ grant_types: ['refresh_token'] }, /needs authorization_code/],
    [{ grant_types: ['refresh_token', 'client_credentials'] }, /needs authorization_code/],
    [{ grant_types: ['client_credentials'], token_endpoint_auth_method: 'none' }, /needs a client with a secret/],
    [{ response_types: ['code', 'token'] }, /has 'token', which is not supported/],
    [{ response_types: ['code code'] }, /has 'code code', which is not supported/],
    [{ response_types: [' code'] }, /has ' code', which is not supported/],
    [{ response_types: ['code', 'id_token'], grant_types: ['authorization_code'] }, /id_token, .* no implicit/],
    [{ response_types: ['code id_token'], grant_types: ['implicit'] }, /code id_token, .* no authorization_code/],
    [{ response_types: ['code'], grant_types: ['authorization_code', 'implicit'] }, /one that needs .* implicit/],
    [{ response_types: ['id_token'], grant_types: ['implicit', 'refresh_token'] }, /needs authorization_code/],
    [{ response_types: ['code id_token'], id_token_signed_response_alg: 'HS256' }, /cannot be HS256/],
    [{ backchannel_logout_uri: 'http://app.example/logout' }, /backchannel_logout_uri: .* must be https/],
    [{ backchannel_logout_uri: 'https://app.example/logout#a' }, /backchannel_logout_uri: .* fragment/],
    [
      { frontchannel_logout_uri: 'https://other.example/logout' },
      /frontchannel_logout_uri: .* one of the redirect_uris/,
    ],
    [{ frontchannel_logout_uri: `${new URL(uri).origin}:8443/logout` }, /one of the redirect_uris/],
    // In a page of ours, the first two would be paths of ours.
    [{ frontchannel_logout_uri: uri.replace('//', '') }, /has no host/],
    [{ frontchannel_logout_uri: uri.replace('//', '/') }, /has no host/],
    [
      { frontchannel_logout_uri: `${new URL(uri).origin.toUpperCase().replace('HTTPS', 'https')}/logout` },
      /lower case/,
    ],
    [{ frontchannel_logout_uri: `${new URL(uri).origin}/a/%2e%2e/logout` }, /dot-segments/],
    [{ frontchannel_logout_uri: `${new URL(uri).origin}/logout?sid=1` }, /must not have sid in its query/],
    [{ frontchannel_logout_uri: `${new URL(uri).origin}/logout;x 'self'` }, /characters that a URI cannot have/],
    [{ frontchannel_logout_session_required: 'true' }, /must be true or false/],
    [{ response_types: [] }, /must have code/],
    [{ response_types: ['code'], grant_types: ['client_credentials'] }, /no authorization_code/],
    [{ token_endpoint_auth_method: 'tls_client_auth' }, /tls_client_auth/],
    [{ token_endpoint_auth_method: 'toString' }, /toString/],
    [{ token_endpoint_auth_method: ['none'] }, /must be a string/],
    [{ id_token_signed_response_alg: 'none' }, /id_token_signed_response_alg/],
    [
      { id_token_signed_response_alg: 'HS256', token_endpoint_auth_method: 'none' },
      /HS256 needs a client with a secret/,
    ],
    [{ default_acr_values: ['phr', 'gold'] }, /default_acr_values has 'gold', .* aal1, aal2, phr/],
    [{ default_acr_values: 'phr' }, /default_acr_values/],
    [{ default_max_age: -1 }, /default_max_age/],
    [{ default_max_age: 1.5 }, /default_max_age/],
    [{ default_max_age: '60' }, /default_max_age/],
    [{ default_max_age: Number.NaN }, /default_max_age/],
    [{ default_max_age: 2 ** 31 }, /default_max_age/],
    [{ require_auth_time: 'true' }, /require_auth_time must be true or false/],
    [{ first_party: 1 }, /first_party must be true or false/],
    [{ require_pkce: false, token_endpoint_auth_method: 'none' }, /must use PKCE/],
    [{ require_pkce: 'AUTO' }, /require_pkce must be true, false or auto/],
    [{ require_pkce: 'true' }, /require_pkce must be true, false or auto/],
    [{ require_pkce: ['auto'] }, /require_pkce must be true, false or auto/],
    [{ require_issuer_audience: true }, /with private_key_jwt and client_secret_jwt only/],
    [{ application_type: 'desktop' }, /application_type 'desktop' is not supported/],
    [{ subject_type: 'private' }, /subject_type 'private' is not supported/],
    [
      { subject_type: 'pairwise', redirect_uris: [uri, 'https://other.example/callback'] },
      /sector_identifier_uri is missing/,
    ],
    [{ sector_identifier_uri: 'http://app.example/uris.json' }, /sector_identifier_uri: .* must be https/],
    [{ jwks_uri: 'http://app.example/jwks.json' }, /jwks_uri: .* must be https/],
    [{ jwks_uri: 'https://app.example/jwks.json', jwks: { keys: [] } }, /cannot be used together/],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, /jwks or jwks_uri is missing/],
    [{ token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'RS256' }, /must be HS256/],
    [{ userinfo_signed_response_alg: 'HS256' }, /userinfo_signed_response_alg/],
    [{ request_object_signing_alg: 'none' }, /request_object_signing_alg/],
    [{ request_object_signing_alg: 'RS256' }, /jwks or jwks_uri is missing/],
    [{ require_signed_request_object: true }, /jwks or jwks_uri is missing/],
    [{ request_uris: ['http://app.example/request.jwt'] }, /request_uris: .* must be https/],
    [{ request_uris: ['https://app.example/request.jwt#a/b'] }, /request_uris: .* fragment/],
    [{ initiate_login_uri: 'http://app.example/login' }, /initiate_login_uri: .* must be https/],
    [{ software_id: 'a\u0000b' }, /software_id/],
    [{ require_issuer_audience: 'true' }, /require_issuer_audience must be true or false/],
    [{ refresh_token_rotation: false, token_endpoint_auth_method: 'none' }, /must rotate/],
    [{ client_uri: 'http://app.example' }, /client_uri.*must be https/],
    [{ client_uri: 'http://localhost:4000' }, /client_uri.*must be https/],
    [{ logo_uri: 'data:image/svg+xml,x' }, /logo_uri.*must be https/],
    [{ policy_uri: 'javascript:alert(1)' }, /policy_uri.*must be https/],
    [{ tos_uri: 'https://bank.example@evil.example' }, /tos_uri.*user name/],
    [{ scope: ['openid'] }, /scope must be a string/],
    [{ scope: 'openid\tprofile' }, /not a scope/],
    [{ scope: 'openid "quoted"' }, /not a scope/],
    [{ scope: 'openid caf\u00e9' }, /not a scope/],
    [{ scope: 's'.repeat(201) }, /not a scope/],
    [{ scope: 'openid nobodys' }, /no resource has it/],
    [{ scope: '__proto__' }, /no resource has it/],
    [{ scope: Array.from({ length: 51 }, (_, n) => `s${n}`).join(' ') }, /more than 50/],
    [{ resources: ['https://nowhere.example'] }, /no resource/],
    [{ resources: ['https://INVOICES.example'] }, /no resource/],
    [{ resources: 'https://invoices.example' }, /must be a list/],
  ]
  for (const [input, message] of refused) {
    const error = refusal(input)
    t.equal(error.code, 'invalid_client_metadata', JSON.stringify(input).slice(0, 80))
    t.match(error.message, message)
    t.match(error.message, /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,300}$/, 'as error_description may be (RFC 6749 §5.2)')
  }
})

t.test('response types name the grant types that they need, and their words have no order', async (t) => {
  const types = (response_types: string[], others: MetadataInput = {}) => {
    const { response_types: registered, grant_types } = complete({ response_types, ...others })
    return [registered, grant_types]
  }
  t.same(types(['token id_token']), [['id_token token'], ['implicit']])
  t.same(types(['token code', 'code']), [
    ['code', 'code token'],
    ['authorization_code', 'implicit', 'refresh_token'],
  ])
  t.equal(complete({ response_types: ['id_token'] }).scope, 'openid profile email')

  const hybrid = complete({ response_types: ['code', 'id_token token code'] })
  t.same(changeMetadata(hybrid, { client_name: 'B' }, terms).response_types, ['code', 'code id_token token'], 'kept')
  t.same(changeMetadata(hybrid, { grant_types: ['authorization_code'] }, terms).response_types, ['code'])
  const onlyHybrid = complete({ response_types: ['code id_token'] })
  t.same(changeMetadata(onlyHybrid, { grant_types: ['authorization_code'] }, terms).response_types, ['code'])
  t.throws(() => changeMetadata(hybrid, { grant_types: ['implicit'] }, terms), /needs the grant type implicit/)
})

t.test('a web client that gets tokens from the authorization endpoint is on https and not on loopback', async (t) => {
  const implicit = { response_types: ['id_token'] }
  const onLoopback = ['https://localhost:8443/cb', 'https://[::1]/cb', 'https://app.localhost/cb']
  for (const redirect of ['http://127.0.0.1/cb', 'http://localhost:3000/cb', ...onLoopback]) {
    const error = refusal({ ...implicit, redirect_uris: [uri, redirect] })
    t.equal(error.code, 'invalid_redirect_uri', redirect)
    t.match(error.message, /must be https, because|must not be on loopback/)
    complete({ ...implicit, redirect_uris: [redirect], application_type: 'native' })
    complete({ redirect_uris: [redirect] })
  }
  for (const redirect of onLoopback) {
    completeMetadata({ ...implicit, redirect_uris: [redirect] }, operatorTerms)
    completeMetadata({ ...implicit, redirect_uris: [redirect] }, { ...terms, allowsLoopback: true })
  }
  t.throws(
    () => completeMetadata({ ...implicit, redirect_uris: ['http://localhost/cb'] }, operatorTerms),
    /must be https/,
  )
  complete({ ...implicit, redirect_uris: ['https://localhost.example/cb'] })
})

t.test('unknown and inherited members are ignored', async (t) => {
  const plain = complete({})
  t.same(complete({ software_statement_id: 'x', constructor: 1, created_at: 'now', client_id: 'mine' }), plain)
  t.same(complete(JSON.parse('{"__proto__": {"first_party": true}}')), plain)
  t.same(complete(Object.create({ first_party: true })), plain)
  t.same(complete({ client_uri: null, first_party: undefined, grant_types: null }), plain, 'null is absent')
})

t.test('omitted members get defaults', async (t) => {
  t.same(complete({}), {
    client_name: 'app.example',
    application_type: 'web',
    redirect_uris: [uri],
    post_logout_redirect_uris: [],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid profile email offline_access',
    token_endpoint_auth_method: undefined,
    require_issuer_audience: false,
    jwks: undefined,
    jwks_uri: undefined,
    subject_type: 'public',
    sector_identifier_uri: undefined,
    id_token_signed_response_alg: 'RS256',
    userinfo_signed_response_alg: undefined,
    request_object_signing_alg: undefined,
    require_signed_request_object: false,
    request_uris: [],
    require_pushed_authorization_requests: false,
    default_max_age: undefined,
    default_acr_values: [],
    require_auth_time: false,
    backchannel_logout_uri: undefined,
    backchannel_logout_session_required: false,
    frontchannel_logout_uri: undefined,
    frontchannel_logout_session_required: false,
    client_uri: undefined,
    logo_uri: undefined,
    policy_uri: undefined,
    tos_uri: undefined,
    initiate_login_uri: undefined,
    contacts: [],
    software_id: undefined,
    software_version: undefined,
    require_pkce: 'auto',
    first_party: false,
    refresh_token_rotation: false,
    resources: [],
    id_token_profile_claims: false,
    groups: [],
  })
  t.equal(completeMetadata({ redirect_uris: [uri] }, operatorTerms).id_token_profile_claims, true, 'by an operator')
  t.equal(complete({ token_endpoint_auth_method: 'none' }).refresh_token_rotation, true)
  t.equal(complete({ grant_types: ['authorization_code'] }).scope, 'openid profile email')
  t.match(completeMetadata({ grant_types: ['client_credentials'] }, terms), {
    client_name: 'Unnamed client',
    response_types: [],
    scope: '',
  })
  const own = { redirect_uris: ['com.example.app:/cb'], token_endpoint_auth_method: 'none' }
  t.equal(completeMetadata(own, terms).client_name, 'com.example.app')
  const posing = { redirect_uris: ['com.example.app://bank.example/callback'], token_endpoint_auth_method: 'none' }
  t.equal(completeMetadata(posing, terms).client_name, 'com.example.app', "an app's own text is not a host")
  const editor = { ...posing, redirect_uris: ['vscode://bank.example/callback', uri] }
  t.equal(completeMetadata(editor, operatorTerms).client_name, 'vscode')
  t.equal(complete({ redirect_uris: ['http://localhost:4001/cb'] }).client_name, 'localhost:4001')
})

t.test('a client sees only groups that exist, or all', async (t) => {
  const groups = ['staff', 'admins']
  const see = (named: unknown) =>
    completeMetadata({ redirect_uris: [uri], groups: named }, { ...operatorTerms, groups }).groups
  t.same(see(['staff']), ['staff'])
  t.same(see(['staff', '*']), ['*'])
  t.same(see([]), [])
  for (const wrong of [['Staff'], ['staff', 'nobody'], ['']]) t.throws(() => see(wrong), { message: /no group/ })
  for (const wrong of ['staff', [1], {}]) t.throws(() => see(wrong), { message: /list of strings/ })
  t.throws(() => completeMetadata({ redirect_uris: [uri], groups: ['staff'] }, operatorTerms), { message: /no group/ })
})

t.test('resources that own a registered scope join the allow-list', async (t) => {
  const { scope, resources } = complete({
    scope: ' openid  invoices:write invoices:read openid ',
    resources: ['https://silent.example'],
  })
  t.equal(scope, 'openid invoices:write invoices:read')
  t.same(resources, ['https://silent.example', 'https://invoices.example'])
  t.same(complete({ scope: 'mail', resources: ['https://mail.example'] }).resources, ['https://mail.example'], 'once')
})

t.test('a change recomputes only what is derived from the changed members', async (t) => {
  const before = complete({ scope: 'openid mail', resources: ['https://silent.example'], refresh_token_rotation: true })
  t.same(changeMetadata(before, {}, terms), before)
  t.same(changeMetadata(before, { client_name: 'New' }, terms), { ...before, client_name: 'New' })
  t.same(changeMetadata(before, { scope: 'openid' }, terms).resources, ['https://silent.example'])
  t.same(changeMetadata(before, { scope: 'invoices:read' }, terms).resources, [
    'https://silent.example',
    'https://invoices.example',
  ])
  t.same(changeMetadata(before, { grant_types: ['client_credentials'] }, terms).response_types, [])
  const other = { token_endpoint_auth_method: 'client_secret_post' }
  t.equal(changeMetadata(before, other, terms).refresh_token_rotation, true, 'still confidential')
  const open = changeMetadata(before, { token_endpoint_auth_method: 'none' }, terms)
  t.equal(open.refresh_token_rotation, true)
  t.equal(changeMetadata(open, other, terms).refresh_token_rotation, false)
  t.throws(() => changeMetadata(open, { refresh_token_rotation: false }, terms), { code: 'invalid_client_metadata' })
  const old = { ...open, refresh_token_rotation: false }
  t.equal(changeMetadata(old, { client_name: 'New' }, terms).refresh_token_rotation, true, 'registered before the rule')
  t.throws(() => changeMetadata(before, { redirect_uris: [] }, terms), { code: 'invalid_redirect_uri' })
})
