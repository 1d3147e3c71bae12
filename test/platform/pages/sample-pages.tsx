/** @jsxRuntime automatic @jsxImportSource preact */
import type { VNode } from 'preact'
import { ConsentPage } from '../../../src/endpoints/authorization/consent/consent-page.tsx'
import { FormPostPage } from '../../../src/endpoints/authorization/form-post-page.tsx'
import { SignInPage } from '../../../src/endpoints/authorization/sign-in/sign-in-page.tsx'
import { SignUpPage } from '../../../src/endpoints/authorization/sign-up/sign-up-page.tsx'
import { HomePage } from '../../../src/endpoints/home/home-page.tsx'
import { ConfirmLogoutPage } from '../../../src/endpoints/logout/confirm-logout-page.tsx'
import { SignedOutPage } from '../../../src/endpoints/logout/signed-out-page.tsx'
import { ErrorPage } from '../../../src/platform/pages/error-page.tsx'
import { chooseMessages } from '../../../src/platform/pages/messages/choose-messages.ts'
import { fillText } from '../../../src/platform/pages/messages/fill.ts'

/** Markup, quotes that would end an attribute, and a script: what an attacker names a client or an account. */
export const markup = `"><script>alert('&lt;')</script><img src=x onerror=alert(1)>`
const endless = 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(4)
const rightToLeft = 'דוגמה של שם ارتباط \u202Egnihsihp'

const notes = {
  name: 'Notes',
  clientUri: 'https://notes.example/',
  policyUri: 'https://notes.example/privacy',
  tosUri: 'https://notes.example/terms',
}
const ada = { name: 'Ada Lovelace', email: 'ada@example.com' }
const csrf = 'csrf-token'
const continueTo = 'sealed-request'
const everyScope = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'].map((value) => ({ value }))

/**
 * Every page in the states that people meet, plain and hostile.
 *
 * @param language a BCP 47 tag
 */
export function samplePages(language: string): Readonly<Record<string, VNode>> {
  const page = chooseMessages(language, undefined)
  const { errors } = page.messages
  const consent = { page, csrf, continueTo, account: ada, accountProof: 'proof', redirectHost: 'notes.example' }
  return {
    'sign-in': (
      <SignInPage
        page={page}
        csrf={csrf}
        continueTo={continueTo}
        client={notes}
        signUpHref="/sign-up?continue=sealed-request"
        cancelHref="/sign-in/cancel?continue=sealed-request"
      />
    ),
    'sign-in, alone': <SignInPage page={page} csrf={csrf} />,
    'sign-in, wrong credentials': (
      <SignInPage page={page} csrf={csrf} client={notes} username="ada@example.com" fault="wrong_credentials" />
    ),
    'sign-in, too many attempts': (
      <SignInPage page={page} csrf={csrf} username="ada" fault="too_many_attempts" retryAfterSeconds={240} />
    ),
    'sign-in, continue as': (
      <SignInPage page={page} csrf={csrf} client={notes} current={{ name: 'Ada Lovelace' }} signUpHref="/sign-up" />
    ),
    'sign-in, hostile': (
      <SignInPage
        page={page}
        csrf={csrf}
        client={{ ...notes, name: endless }}
        username={markup}
        current={{ name: rightToLeft + endless }}
        fault="missing"
        signUpHref="/sign-up"
      />
    ),
    'sign-up': (
      <SignUpPage
        page={page}
        csrf={csrf}
        continueTo={continueTo}
        client={notes}
        values={{}}
        faults={{}}
        minPasswordLength={12}
        signInHref="/sign-in"
      />
    ),
    'sign-up, faults': (
      <SignUpPage
        page={page}
        csrf={csrf}
        values={{ name: endless, email: 'ada@' }}
        faults={{ name: 'name_too_long', email: 'email_invalid', password: 'password_too_short', form: 'busy' }}
        minPasswordLength={12}
        signInHref="/sign-in"
      />
    ),
    consent: (
      <ConsentPage
        {...consent}
        client={notes}
        scopes={everyScope.slice(0, 3)}
        resources={[]}
        remembers
        otherAccountHref="/sign-in"
      />
    ),
    'consent, everything': (
      <ConsentPage
        {...consent}
        client={notes}
        scopes={[
          ...everyScope,
          { value: 'invoices:read', description: 'read your invoices' },
          { value: 'invoices:write' },
        ]}
        resources={[
          { identifier: 'https://invoices.example', name: 'Invoices' },
          { identifier: 'urn:example:archive' },
        ]}
        remembers={false}
        otherAccountHref="/sign-in"
      />
    ),
    'consent, hostile': (
      <ConsentPage
        {...consent}
        client={{ name: `${rightToLeft} ${markup} ${endless}`, policyUri: 'javascript:alert(1)' }}
        account={{ name: endless, email: `${endless.toLowerCase()}@example.com` }}
        scopes={[{ value: 'constructor' }, { value: endless }, { value: 'x', description: markup }]}
        resources={[{ identifier: `https://${endless}.example/`, name: rightToLeft }]}
        redirectHost={`${'deep.'.repeat(30)}example:8443`}
        remembers
      />
    ),
    'form post': (
      <FormPostPage
        page={page}
        action="https://notes.example/callback"
        parameters={[
          ['code', markup],
          ['state', 's'],
        ]}
      />
    ),
    'confirm logout': (
      <ConfirmLogoutPage page={page} csrf={csrf} continueTo={continueTo} client={notes} account={ada} />
    ),
    'confirm logout, hostile': (
      <ConfirmLogoutPage page={page} csrf={csrf} client={{ name: markup }} account={{ name: rightToLeft + endless }} />
    ),
    'signed out': <SignedOutPage page={page} />,
    'signed out, with a way back': <SignedOutPage page={page} client={notes} returnHref="http://localhost:4001/" />,
    error: (
      <ErrorPage
        page={page}
        status={400}
        title={errors.expiredTitle}
        description={errors.expired}
        requestId="01jd8y5m8q"
        code="invalid_request"
        onward={{ href: 'https://notes.example/', label: fillText(errors.backTo, { client: 'Notes' }) }}
      />
    ),
    'error, hostile': (
      <ErrorPage
        page={page}
        status={404}
        title={endless}
        description={markup}
        requestId={endless}
        onward={{ href: 'https://notes.example/', label: rightToLeft + endless }}
      />
    ),
    home: <HomePage page={page} csrf={csrf} documentationHref="https://signet.example/docs" />,
    'home, signed in': <HomePage page={page} csrf={csrf} account={ada} accountHref="/account" />,
  }
}

/**
 * One of them.
 *
 * @throws where there is none by that name
 */
export function samplePage(name: string, language = 'en'): VNode {
  const sample = samplePages(language)[name]
  if (!sample) throw new Error(`There is no sample page ${name}.`)
  return sample
}
