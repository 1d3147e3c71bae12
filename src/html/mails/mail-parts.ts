import { shownName } from '../account-and-client.tsx'
import type { Brand } from '../brand.ts'
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
}

/** One thing after the other. Texts are messages whose placeholders are filled in from the values of the mail. */
export type Block =
  | { readonly as: 'paragraph'; readonly text: string }
  | { readonly as: 'heading'; readonly text: string }
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
      const { subject, heading, lead, button: label, validity, notYou } = texts.recovery
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
      const [lead, fine, question, alarm] = {
        recovery: [by.byRecovery, common.nothingToDo, common.notYou, by.notYouRecovery] as const,
        'operator-link': [by.byOperatorLink, common.askedFor, common.notExpected, by.notYouOperator] as const,
        person: [by.byPerson, common.nothingToDo, common.notYou, by.notYouPerson] as const,
        operator: [by.byOperator, common.askedFor, common.notExpected, by.notYouOperator] as const,
      }[mail.by]
      return {
        subject,
        heading,
        body: [
          paragraph(lead),
          paragraph(fine),
          ...section(question, alarm),
          button(label, `${context.issuer}/recover`),
          ...help(common, context),
        ],
        values: { time: time(mail.at) },
      }
    }
    case 'email-changed': {
      const { subject, heading, lead, leadRemoved, notYou, button: label } = texts.emailChanged
      return {
        subject,
        heading,
        body: [
          paragraph(mail.newEmail === undefined ? leadRemoved : lead),
          paragraph(common.nothingToDo),
          ...section(common.notYou, notYou),
          button(label, mail.undoLink),
          ...help(common, context),
        ],
        values: {
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
