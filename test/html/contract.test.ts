import t from 'tap'
import { renderPage } from '../../src/html/send-page.ts'
import { samplePage } from './sample-pages.tsx'

const rendered = (name: string) => renderPage(samplePage(name))
/** The opening tag of the element with an id. */
const tag = (html: string, id: string) => html.match(new RegExp(`<[a-z]+ [^>]*id="${id}"[^>]*>`))?.[0] ?? ''

t.test('the ids that other programs rely on are in the promised places', async (t) => {
  const promised: [sample: string, inputs: string[], buttons: string[]][] = [
    ['sign-in', ['username', 'password'], ['sign-in']],
    ['sign-in, continue as', ['username', 'password'], ['sign-in', 'continue-as']],
    ['sign-up', ['name', 'email', 'password'], ['sign-up']],
    ['sign-in, recovered', ['username', 'password'], ['sign-in', 'to-recover', 'to-sign-up']],
    ['recover', ['username'], ['recover']],
    ['new password', ['new-password', 'end-access'], ['set-password']],
    ['invitation', ['name', 'email', 'password'], ['sign-up']],
    ['consent', [], ['allow', 'deny']],
    ['verify e-mail', ['code', 'email', 'password'], ['verify', 'send-again', 'send-there', 'sign-out']],
    ['verify e-mail, link elsewhere', ['password'], ['verify', 'disown']],
    ['device', ['user_code'], ['continue']],
    ['device consent', [], ['allow', 'deny']],
    ['confirm logout', [], ['confirm-logout']],
  ]
  for (const [sample, inputs, buttons] of promised) {
    const html = rendered(sample)
    for (const id of inputs) t.match(tag(html, id), new RegExp(`^<input .*id="${id}" name="${id}"`), `${sample}: ${id}`)
    for (const id of buttons) t.match(tag(html, id), /^<button .*type="submit"/, `${sample}: ${id}`)
  }
  t.match(tag(rendered('consent'), 'allow'), 'name="decision" value="allow"')
  t.match(tag(rendered('consent'), 'deny'), 'name="decision" value="deny"')
})

t.test('each form is sent to its endpoint with the required fields', async (t) => {
  const carried: [sample: string, action: string, hidden: Record<string, string>][] = [
    ['sign-in', '/sign-in', { csrf: 'csrf-token', continue: 'sealed-request' }],
    ['sign-up', '/sign-up', { csrf: 'csrf-token', continue: 'sealed-request' }],
    ['recover', '/recover', { csrf: 'csrf-token', continue: 'sealed-request' }],
    [
      'new password',
      '/recover/password',
      { csrf: 'csrf-token', token: 'secret-of-the-link', 'end-access-offered': '1' },
    ],
    ['invitation', '/sign-up', { csrf: 'csrf-token', invitation: 'secret-of-the-link' }],
    ['consent', '/consent', { csrf: 'csrf-token', continue: 'sealed-request', account: 'proof' }],
    ['device', '/device', { csrf: 'csrf-token' }],
    [
      'device consent',
      '/device/decision',
      { csrf: 'csrf-token', user_code: 'WDJB-MJHT', shown: 'proof', access: 'access' },
    ],
    ['confirm logout', '/logout/confirm', { csrf: 'csrf-token', continue: 'sealed-request' }],
    ['home, signed in', '/logout/confirm', { csrf: 'csrf-token' }],
  ]
  for (const [sample, action, hidden] of carried) {
    const form = rendered(sample).match(/<form .*<\/form>/)?.[0] ?? ''
    t.match(form, new RegExp(`^<form[^>]* method="post" action="${action}">`), sample)
    const found = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"\/>/g)]
    t.same(Object.fromEntries(found.map(([, name, value]) => [name, value])), hidden, sample)
  }
})

t.test('without a request to continue, no empty one is sent', async (t) => {
  t.notMatch(rendered('sign-in, alone'), 'name="continue"')
})

t.test('password managers can identify each field', async (t) => {
  t.match(tag(rendered('sign-in'), 'username'), 'autocomplete="username"')
  t.match(tag(rendered('sign-in'), 'password'), 'autocomplete="current-password"')
  t.match(tag(rendered('sign-up'), 'password'), 'autocomplete="new-password"')
  t.match(tag(rendered('new password'), 'new-password'), 'autocomplete="new-password"')
  t.match(tag(rendered('recover'), 'username'), 'autocomplete="username"')
  t.match(tag(rendered('sign-up'), 'email'), 'autocomplete="email"')
  t.match(tag(rendered('sign-up'), 'name'), 'autocomplete="name"')
  t.match(tag(rendered('invitation'), 'email'), /autocomplete="username"[^>]* readonly/)
  t.match(tag(rendered('invitation'), 'password'), 'autocomplete="new-password"')
})

t.test('an error is linked to its field, and a wrong password does not reveal which of the two is wrong', async (t) => {
  const wrong = rendered('sign-in, wrong credentials')
  for (const id of ['username', 'password']) t.match(tag(wrong, id), 'aria-invalid="true" aria-describedby="fault"')
  t.match(wrong, '<div class="fault" role="alert" id="fault">')
  const faulty = rendered('sign-up, faults')
  t.match(tag(faulty, 'password'), 'aria-invalid="true" aria-describedby="password-fault password-hint"')
  t.match(tag(faulty, 'name'), 'autofocus', 'the first invalid field has the focus')
  t.notMatch(tag(faulty, 'email'), 'autofocus')
  t.match(faulty, '<title>Error: ')
})

t.test('the consent page says in plain words what is requested and where the person returns to', async (t) => {
  const html = rendered('consent, everything')
  t.match(html, '<li>see your e-mail address</li>')
  t.match(html, '<li><bdi>read your invoices</bdi></li>')
  t.match(html, '<li><bdi class="identifier">invoices:write</bdi></li>')
  t.match(html, '<bdi class="host">notes.example</bdi>')
  t.match(html, 'You will be asked again next time.')
  t.match(rendered('consent'), 'you won’t be asked for the same access again')
  t.match(
    rendered('consent, hostile'),
    '<bdi class="identifier">constructor</bdi>',
    'a scope is not a property of an object',
  )
})

t.test('pages say of a client that registered itself that nobody has checked it', (t) => {
  const texts = {
    en: 'This application registered itself. <bdi>Signet</bdi> does not know who is behind it.',
    de: 'Diese Anwendung hat sich selbst registriert. <bdi>Signet</bdi> weiß nicht, wer dahintersteht.',
  } as const
  for (const name of ['consent', 'device consent', 'sign-in'])
    for (const language of ['en', 'de'] as const) {
      t.match(renderPage(samplePage(`${name}, self-registered`, language)), texts[language], `${name}, ${language}`)
      t.notMatch(renderPage(samplePage(name, language)), texts[language], `${name}, ${language}, of an operator`)
    }
  const html = rendered('consent, self-registered')
  t.ok(html.indexOf(texts.en) < html.indexOf('<h1'), 'a long name cannot push it off the screen')
  t.ok(html.indexOf('class="host"') < html.indexOf('class="scopes"'))
  const device = rendered('device consent, self-registered')
  t.ok(device.indexOf(texts.en) < device.indexOf('class="question"'), 'nor on the page about a device')
  t.end()
})

t.test('on the page about a device, nothing that the client chooses comes before the code and the warning', (t) => {
  for (const name of ['device consent', 'device consent, hostile']) {
    const html = rendered(name)
    const shown = (what: string) => html.indexOf(what)
    const body = shown('<main')
    t.ok(body < shown('class="user-code"') && shown('class="user-code"') < shown('class="warning"'), name)
    for (const chosen of ['class="logo"', 'class="question"', 'class="name"', 'class="scopes"']) {
      const at = html.indexOf(chosen, body)
      t.ok(at === -1 || at > shown('class="warning"'), `${name}: ${chosen}`)
    }
  }
  t.end()
})
