import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  cancelInvitation,
  type InviteOutcome,
  invitationId,
  invitePerson,
  type NewInvitation,
} from '../operations/invite-person.ts'
import type { MailSettings } from '../platform/config/mail-settings.ts'
import { parseDuration } from '../platform/config/setting-kinds.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { findAccountsByIdentifier } from '../records/accounts/accounts-by-name-store.ts'
import { canonicalEmail, typedName } from '../records/accounts/canonical-names.ts'
import { type Invitation, listInvitations } from '../records/accounts/invitations-store.ts'
import { isAllowedDomain } from '../records/accounts/sign-up-domains.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { json, mailLocale, manyValues, notEmpty, oneValue } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import type { Terminal } from './terminal.ts'
import { changing, withSecrets } from './with-signet.ts'

const [defaultDays, maxDays] = [7, 90]

interface InviteFlags extends Format {
  readonly name?: string
  readonly group?: readonly string[]
  readonly validFor?: number
  readonly locale?: string
  readonly printLink?: true
}

/** Adds to `signet users` the commands about invitations. */
export function addInvitationCommands(users: Command, terminal: Terminal): void {
  users
    .command('invite')
    .description(
      'Invite a person to create an account with this e-mail address, which then counts as verified. Replaces an earlier invitation.',
    )
    .argument('<email>', 'e-mail address of the person')
    .addOption(notEmpty(oneValue('--name <text>', 'full name, which the person can change')))
    .addOption(notEmpty(manyValues('--group <group>', 'group that the account joins')))
    .addOption(days())
    .addOption(mailLocale())
    .addOption(new Option('--print-link', 'print the link instead of sending it; only give it to this person'))
    .addOption(json())
    .action(async (email: string, flags: InviteFlags) => {
      const { name, group: groups = [], validFor: validForDays = defaultDays, locale, printLink } = flags
      const given = { email, name, groups, validForDays }
      const { invitation, link, notes } = await invite(terminal, given, locale, printLink ?? false)
      printOne(terminal, flags, { ...documentOf(invitation), link }, notes)
    })

  addPageFlags(
    users.command('invitations').description('List invitations, sorted by e-mail address, and what became of them.'),
    'email',
  )
    .addOption(json())
    .action(async (flags: PageFlags) =>
      printPages<Invitation, { readonly email: string }>(terminal, flags, {
        find: async (_, typed) => ({ email: canonicalEmail(typed.trim()) ?? typed }),
        read: ({ database }, after, limit) => listInvitations(database, after?.email, limit),
        idOf: ({ email }) => email,
        documentOf,
        columns: ['email', 'name', 'status', 'expires_at', 'invited_by'],
        nothing: 'There are no invitations. To invite somebody: signet users invite',
      }),
    )

  users
    .command('uninvite')
    .description('Cancel the open invitation of an e-mail address. Its link no longer works.')
    .argument('<email>')
    .addOption(json())
    .action(async (email: string, format: Format) => {
      const cancelled = await changing(terminal, (signet) => cancelInvitation(signet, operator(terminal), email))
      if (!cancelled)
        throw new CommandFailed(
          `${email.slice(0, 80)} has no open invitation. To list invitations: signet users invitations`,
        )
      printOne(terminal, format, {
        email: cancelled.email,
        invitation: invitationId(cancelled.digest),
        cancelled: true,
      })
    })
}

/** Invites by mail if this installation can send one. Otherwise, the link is returned. */
async function invite(terminal: Terminal, given: NewInvitation, locale: string | undefined, isLinkWanted: boolean) {
  return changing(terminal, async (installation, wait) => {
    const { settings } = installation
    const isMailed = !isLinkWanted && settings.mail.delivery !== 'none'
    const by = operator(terminal)
    const outcome = await (isMailed
      ? withSecrets(terminal, installation, wait, ({ secrets }) =>
          invitePerson(installation, by, given, { by: 'mail', secrets, locale }),
        )
      : invitePerson(installation, by, given, { by: 'operator' }))
    if (outcome.outcome !== 'invited') throw refused(outcome, given.email)
    const { invitation, link } = outcome
    return {
      invitation,
      link: isMailed ? undefined : link,
      notes: [
        isMailed ? sentBy(settings.mail) : operatorHandsOver,
        ...(isAllowedDomain(settings, invitation.email) ? [] : [otherDomain]),
        ...(await noteOnUnverified(installation.database, invitation.email)),
      ],
    }
  })
}

const operatorHandsOver =
  'Give the link to this person only. Whoever uses it first has an account with this address as a verified one.'
const otherDomain = 'The domain is not in SIGNET_SIGN_UP_DOMAINS. An invitation does not need that.'

function sentBy(mail: MailSettings): string {
  return mail.delivery === 'files'
    ? `A running server writes the e-mail to a file in ${mail.folder}.`
    : 'A running server sends the e-mail.'
}

/** The person may have signed up already. The operator can then verify that address instead, if they know that it is theirs. */
async function noteOnUnverified(db: Queryable, email: string): Promise<string[]> {
  const [found] = await findAccountsByIdentifier(db, typedName(email), 1)
  if (!found) return []
  return [
    `The user ${found.account.sub} has this address, but has not verified it. The invitation leads to a new account, which the address then identifies.`,
  ]
}

function refused({ outcome, ...more }: Exclude<InviteOutcome, { outcome: 'invited' }>, email: string): Error {
  switch (outcome) {
    case 'closed':
      return new CommandFailed(
        'SIGNET_SIGN_UP is closed, so nobody could use an invitation. Set it to invite, or create the account: signet users create',
      )
    case 'email_invalid':
      return new WrongUsage('The argument must be an e-mail address.')
    case 'email_taken':
      return new CommandFailed(
        `A user has verified the address ${email.slice(0, 80)} already. To see who: signet users show`,
      )
    case 'no_such_group':
      return new CommandFailed(
        `There is no group ${'group' in more ? more.group.slice(0, 80) : ''}. To list groups: signet groups list`,
      )
  }
}

/** Whole days, because the mail says how many. */
function days(): Option {
  const expected = `It must be whole days, from 1d to ${maxDays}d.`
  return new Option('--valid-for <days>', `how long the link works (default ${defaultDays}d)`).argParser<
    number | undefined
  >((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    const parsed = (parseDuration(value) ?? 0) / 86_400
    if (!Number.isInteger(parsed) || parsed < 1 || parsed > maxDays) throw new InvalidArgumentError(expected)
    return parsed
  })
}

function documentOf(invitation: Invitation): Document {
  const { email, name, groups, status, createdAt, expiresAt, invitedBy, sub, digest } = invitation
  return {
    email,
    name,
    groups: groups.length > 0 ? groups : undefined,
    status,
    created_at: createdAt,
    expires_at: expiresAt,
    invited_by: invitedBy,
    sub,
    invitation: invitationId(digest),
  }
}
