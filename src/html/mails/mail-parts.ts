import type { Device } from '../../platform/http/device.ts'
import { shownName } from '../account-and-client.tsx'
import type { Brand } from '../brand.ts'
import { deviceInWords } from '../device-in-words.ts'
import { addressInPart } from './address-in-part.ts'
import type { Mail } from './mail.ts'
import type { MailTexts } from './mail-texts.ts'

/** What a mail says of the installation that sends it, and to whom it is sent. */
export interface MailContext {
  readonly brand: Pick<Brand, 'name' | 'accentColor' | 'helpUrl' | 'privacyUrl'>
  readonly issuer: string
  /** BCP 47 tags, separated by spaces, in order of preference. Undefined: English. */
  readonly locale: string | undefined
  /** The address that the mail goes to. */
  readonly to: string
  /** The IANA name of the person's time zone. Undefined: UTC. */
  readonly timeZone?: string | undefined
  /** The request that caused the event that the mail reports. */
  readonly from?: { readonly network: string; readonly device: Device } | undefined
  /** The link by which the person reports that it was not them, and when it expires, in milliseconds since 1970. */
  readonly notMe?: { readonly link: string; readonly until: number } | undefined
}

/** One thing after the other. Texts are messages whose placeholders are filled in from the values of the mail. */
export type Block =
  | { readonly as: 'paragraph'; readonly text: string }
  | { readonly as: 'heading'; readonly text: string }
  /** Facts with their names, each on a line. The facts are texts like those of a paragraph. */
  | { readonly as: 'facts'; readonly facts: readonly (readonly [name: string, fact: string])[] }
  | { readonly as: 'code'; readonly code: string }
  /** Something to do: a button in HTML. In both parts the address is also text. */
  | { readonly as: 'button'; readonly label: string; readonly href: string }
  /** An address for more to read. */
  | { readonly as: 'address'; readonly label: string | undefined; readonly href: string }

/** What the mails of one kind say. */
export interface Parts {
  readonly subject: string
  readonly heading: string
  readonly body: readonly Block[]
  readonly values?: Readonly<Record<string, string>>
}

/** What a mail says, without what all mails have in common. */
export function partsOf(mail: Mail, texts: MailTexts, context: MailContext, locale: string): Parts {
  const { common } = texts
  const time = (at: number) => timeInWords(at, locale, context.timeZone)
  const notices = noticeParts(texts, context, locale)
  switch (mail.kind) {
    case 'verification': {
      const { subject, heading, signUp, change, again, orLink, button: label, validity, notYou } = texts.verification
      const lead = { 'sign-up': signUp, change, again }[mail.why]
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          { as: 'code', code: mail.code },
          paragraph(orLink),
          button(label, mail.link),
          paragraph(validity),
          ...section(common.notYou, notYou),
        ],
        values: { duration: inUnits(mail.minutes, 'minute', locale) },
      }
    }
    case 'address-in-use': {
      const { subject, heading, lead, button: label, forgotten } = texts.addressInUse
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          button(label, mail.signInLink),
          paragraph(forgotten),
          ...section(common.notYou, texts.addressInUse.notYou),
        ],
      }
    }
    case 'recovery': {
      const {
        subject,
        heading,
        lead,
        button: label,
        validity,
        notYou,
      } = mail.sets === 'passkey' ? texts.passkeyRecovery : texts.recovery
      return {
        subject,
        heading,
        body: [paragraph(lead), button(label, mail.link), paragraph(validity), ...section(common.notYou, notYou)],
        values: { duration: inUnits(mail.minutes, 'minute', locale) },
      }
    }
    case 'recovery-by-operator': {
      const { subject, heading, lead, notYou } = texts.recoveryByOperator
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          paragraph(common.askedFor),
          ...section(common.notExpected, notYou),
          ...help(common, context),
        ],
        values: { time: time(mail.at), duration: inUnits(mail.minutes, 'minute', locale) },
      }
    }
    case 'password-changed': {
      const { subject, heading, button: label, ...by } = texts.passwordChanged
      const lead = {
        recovery: by.byRecovery,
        'operator-link': by.byOperatorLink,
        person: by.byPerson,
        operator: by.byOperator,
      }[mail.by]
      const isOwn = mail.by === 'person' || mail.by === 'recovery'
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          ...notices.facts(),
          paragraph(isOwn ? common.nothingToDo : common.askedFor),
          ...(isOwn
            ? notices.report(mail.by === 'recovery' ? by.notYouMailbox : undefined)
            : [...section(common.notExpected, by.notYouOperator), button(label, `${context.issuer}/recover`)]),
          ...help(common, context),
          ...notices.why,
        ],
        values: { time: time(mail.at), ...notices.values },
      }
    }
    case 'email-changed': {
      const { subject, heading, lead, leadRemoved, notYou, button: label } = texts.emailChanged
      return {
        subject,
        heading,
        body: [
          paragraph(mail.newEmail === undefined ? leadRemoved : lead),
          ...notices.facts(),
          paragraph(common.nothingToDo),
          ...section(common.notYou, notYou),
          button(label, mail.undoLink),
          ...help(common, context),
          ...notices.why,
        ],
        values: {
          ...notices.values,
          time: time(mail.at),
          until: time(mail.at + mail.days * 24 * 60 * 60 * 1000),
          newEmail: addressInPart(mail.newEmail ?? ''),
        },
      }
    }
    case 'email-changed-by-operator': {
      const { subject, heading, lead, leadRemoved, notExpected } = texts.emailChangedByOperator
      return {
        subject,
        heading,
        body: [
          paragraph(mail.newEmail === undefined ? leadRemoved : lead),
          paragraph(common.askedFor),
          ...section(common.notExpected, notExpected),
          ...addressIfAny(undefined, context.brand.helpUrl),
        ],
        values: { time: time(mail.at), newEmail: addressInPart(mail.newEmail ?? '') },
      }
    }
    case 'email-change-undone': {
      const { subject, heading, lead, nothingToDo, yours, yoursText } = texts.emailChangeUndone
      return {
        subject,
        heading,
        body: [paragraph(lead), paragraph(nothingToDo), ...section(yours, yoursText), ...help(common, context)],
        values: { time: time(mail.at) },
      }
    }
    case 'username-changed':
      return notices.notice(texts.usernameChanged, texts.usernameChanged.lead, mail.at)
    case 'sign-in-from-new-browser':
      return notices.notice(texts.newBrowser, texts.newBrowser.lead, mail.at)
    case 'factor-added': {
      const { subject, heading, ...leads } = texts.factorAdded
      return notices.notice({ subject, heading }, leads[mail.factor], mail.at)
    }
    case 'factor-removed': {
      const { subject, heading, byOperator, notExpected, ...leads } = texts.factorRemoved
      return mail.by === 'person'
        ? notices.notice({ subject, heading }, leads[mail.factor], mail.at)
        : {
            subject,
            heading,
            body: [
              paragraph(byOperator),
              paragraph(common.askedFor),
              ...section(common.notExpected, notExpected),
              ...help(common, context),
              ...notices.why,
            ],
            values: { time: time(mail.at) },
          }
    }
    case 'recovery-code-used': {
      const { lead, left } = texts.recoveryCodeUsed
      const count = new Intl.NumberFormat(locale).format(mail.left)
      return notices.notice(texts.recoveryCodeUsed, lead, mail.at, { more: [paragraph(left)], values: { count } })
    }
    case 'recovery-codes-replaced':
      return notices.notice(texts.recoveryCodesReplaced, texts.recoveryCodesReplaced.lead, mail.at)
    case 'codes-exhausted': {
      const { lead, paused } = texts.codesExhausted
      return notices.notice(texts.codesExhausted, lead, mail.at, { more: [paragraph(paused)] })
    }
    case 'passkey-counter': {
      const { lead, remove } = texts.passkeyCounter
      return notices.notice(texts.passkeyCounter, lead, mail.at, { more: [paragraph(remove)] })
    }
    case 'account-deleted': {
      const { subject, heading, byPerson, byOperator, notYou, notExpected } = texts.accountDeleted
      const [lead, fine, question, alarm] =
        mail.by === 'person'
          ? [byPerson, common.nothingToDo, common.notYou, notYou]
          : [byOperator, common.askedFor, common.notExpected, notExpected]
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          ...notices.facts(),
          paragraph(fine),
          ...section(question, alarm),
          ...addressIfAny(undefined, context.brand.helpUrl),
          ...notices.why,
        ],
        values: { time: time(mail.at), ...notices.values },
      }
    }
    case 'report-link': {
      const { subject, heading, lead, consequences, validity, button: label, notYou } = texts.reportLink
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          ...notices.facts(mail.at),
          paragraph(consequences),
          ...(context.notMe ? [paragraph(validity), button(label, context.notMe.link)] : []),
          ...section(common.notYou, notYou),
          ...help(common, context),
        ],
        values: notices.values,
      }
    }
    case 'account-reported': {
      const { subject, heading, lead, next, notYou, button: label } = texts.accountReported
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          ...notices.facts(mail.at),
          paragraph(next),
          ...section(common.notYou, notYou),
          button(label, `${context.issuer}/recover`),
          ...help(common, context),
          ...notices.why,
        ],
        values: notices.values,
      }
    }
    case 'invitation': {
      const { subject, heading, greeting, lead, button: label, validity, ignore } = texts.invitation
      // The operator typed it.
      const person = shownName(mail.name ?? '')
      return {
        subject,
        heading,
        body: [
          ...(person === '' ? [] : [paragraph(greeting)]),
          paragraph(lead),
          button(label, mail.link),
          paragraph(validity),
          ...section(common.notExpected, ignore),
        ],
        values: { person, duration: inUnits(mail.days, 'day', locale) },
      }
    }
    case 'test': {
      const { subject, heading, lead, ignore } = texts.test
      return { subject, heading, body: [paragraph(lead), ...section(common.notExpected, ignore)] }
    }
  }
}

/** What the notices about an account have in common: when, from where, why the mail was sent, and what to do if the person did not expect it. */
function noticeParts(texts: MailTexts, context: MailContext, locale: string) {
  const { common, notice } = texts
  const { from, notMe, issuer, timeZone } = context
  const values = {
    ...(from && { device: deviceInWords(notice, from.device), network: from.network }),
    ...(notMe && { until: timeInWords(notMe.until, locale, timeZone) }),
  }
  const facts = (at?: number): readonly Block[] => {
    const all = [
      ...(at === undefined ? [] : [[notice.time, timeInWords(at, locale, timeZone)] as const]),
      ...(from ? [[notice.device, '{device}'] as const, [notice.network, '{network}'] as const] : []),
    ]
    return all.length > 0 ? [{ as: 'facts', facts: all }] : []
  }
  const why = [paragraph(notice.why)]
  const report = (before?: string): readonly Block[] => [
    { as: 'heading', text: common.notYou },
    ...(before === undefined ? [] : [paragraph(before)]),
    ...(notMe === undefined
      ? [paragraph(notice.setPassword), button(notice.setPasswordButton, `${issuer}/recover`)]
      : [paragraph(notice.report), paragraph(notice.validity), button(notice.notMe, notMe.link)]),
  ]
  return {
    facts,
    why,
    report,
    values,
    /** A whole notice. */
    notice: (
      { subject, heading }: { readonly subject: string; readonly heading: string },
      lead: string,
      at: number,
      own: { readonly more?: readonly Block[]; readonly values?: Readonly<Record<string, string>> } = {},
    ): Parts => ({
      subject,
      heading,
      body: [
        paragraph(lead),
        ...facts(at),
        ...(own.more ?? []),
        paragraph(common.nothingToDo),
        ...report(),
        ...help(common, context),
        ...why,
      ],
      values: { ...values, ...own.values },
    }),
  }
}

export function paragraph(text: string): Block {
  return { as: 'paragraph', text }
}

function button(label: string, href: string): Block {
  return { as: 'button', label, href }
}

function section(heading: string, text: string): readonly Block[] {
  return [{ as: 'heading', text: heading }, paragraph(text)]
}

export function addressIfAny(label: string | undefined, href: string | undefined): readonly Block[] {
  return href === undefined ? [] : [{ as: 'address', label, href }]
}

/** The way out if nothing in the mail helps. */
function help({ getHelp, contact }: MailTexts['common'], { brand: { helpUrl } }: MailContext): readonly Block[] {
  return helpUrl === undefined ? [paragraph(contact)] : [paragraph(getHelp), ...addressIfAny(undefined, helpUrl)]
}

function inUnits(count: number, unit: 'minute' | 'day', locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count)
}

/** Date and time with the time zone: the mail may be read anywhere. A zone that Node does not know counts as UTC. */
function timeInWords(at: number, locale: string, timeZone = 'UTC'): string {
  const format = (zone: string) =>
    new Intl.DateTimeFormat(locale, {
      ...{ year: 'numeric', month: 'long', day: 'numeric' },
      ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
      timeZone: zone,
      timeZoneName: 'short',
    }).format(at)
  try {
    return format(timeZone)
  } catch {
    return format('UTC')
  }
}
