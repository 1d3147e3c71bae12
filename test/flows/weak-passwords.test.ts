import t from 'tap'
import { de } from '../../src/html/messages/de.ts'
import { en } from '../../src/html/messages/en.ts'
import { fillText } from '../../src/html/messages/messages.ts'
import { enter, hiddenOf } from '../attacks/account-forms.ts'
import { startSignet } from '../support/idp.ts'

/** Each page takes into account what it knows about the person, and says in the person's language what is wrong. */

const idp = await startSignet(t)
const languages = { en: en.faults, de: de.faults }

/** The text next to a field of a page. */
const faultAt = (id: string, html: string) =>
  new RegExp(`id="${id}-fault">([^<]*)<`)
    .exec(html)?.[1]
    ?.replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')

t.test('at sign-up', async (t) => {
  const accounts = async () => (await idp.signet.database.query({ text: 'SELECT FROM accounts' })).rowCount
  const person = { name: 'Rosalind Franklin', email: 'rosalind.f@example.com' }
  const cases = {
    password_personal: ['rosalind.f@example.com', 'rosalindfranklin', 'Franklin Rosalind 1920', 'rosalind.f.1920'],
    password_service: ['signetsignetsignet', 'localhost-localhost', `${idp.issuer}`],
    password_pattern: ['aaaaaaaaaaaaaaa', ' '.repeat(15)],
    password_common: ['passwordpassword1', '1qaz2wsx3edc2026'],
    password_too_short: ['\ufdfa', 'quiet lamps at'],
  } as const
  for (const [language, faults] of Object.entries(languages))
    for (const [fault, passwords] of Object.entries(cases))
      for (const password of passwords) {
        const page = await idp.browser().post('/sign-up', { ...person, password }, { 'accept-language': language })
        t.equal(page.status, 422, password)
        t.equal(faultAt('password', page.text), fillText(faults[fault as keyof typeof cases], { min: '15' }), password)
      }
  t.equal(await accounts(), 0)
  const good = { ...person, password: 'rosalind franklin took photo 51' }
  t.equal((await idp.browser().post('/sign-up', good)).status, 303, 'a passphrase that contains the name is allowed')
  t.equal(await accounts(), 1)
})

t.test('a name or an address that is itself refused is not compared', async (t) => {
  const long = `${'quiet lamps '.repeat(40)}end`
  const page = await idp.browser().post('/sign-up', { name: long, email: 'x', password: 'quiet lamps over harbours' })
  t.equal(page.status, 422)
  t.equal(faultAt('password', page.text), undefined)
})

t.test('on the account page', async (t) => {
  const person = await idp.person({
    username: 'lovelace1815',
    name: 'Ada King',
    email: 'ada.king@example.com',
    family_name: 'Byron',
  })
  const browser = await enter(idp, person)
  const hidden = hiddenOf(await browser.get('/account/security'), 'password-change')
  const change = (password: string, language: string) =>
    browser.post(
      '/account/password',
      { ...hidden, 'current-password': person.password, 'new-password': password },
      { 'accept-language': language },
    )
  for (const [language, faults] of Object.entries(languages)) {
    for (const password of [
      'lovelace1815 2026',
      'ada.king@example.com',
      'AdaKingAdaKing1815',
      'king.ada.181500',
      'byronbyronbyron',
    ]) {
      const page = await change(password, language)
      t.equal(page.status, 422, password)
      t.equal(faultAt('new-password', page.text), faults.password_personal, password)
    }
    t.equal(faultAt('new-password', (await change('signet123456789', language)).text), faults.password_service)
  }
  t.match((await change('lovelace wrote about engines', 'en')).location, /password-changed/)
})
