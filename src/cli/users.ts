import { type Command, Option } from 'commander'
import {
  deleteAccount,
  disableAccount,
  enableAccount,
  setPassword,
  signOutEverywhere,
} from '../operations/account-access.ts'
import { createAccount } from '../operations/create-account.ts'
import { type AccountChanges, type AccountRefusal, updateAccount } from '../operations/update-account.ts'
import type { Account } from '../records/accounts/account.ts'
import { hasAccount, listAccounts, type TakenName } from '../records/accounts/accounts-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { json } from './flags.ts'
import { countAsRowsFollow, letRowsFollow } from './let-rows-follow.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import { passwordRefused, readPassword } from './password-input.ts'
import type { Terminal } from './terminal.ts'
import { addUserChangeFlags, addUserFlags, invalidEmail } from './user-flags.ts'
import { changing, reading } from './with-signet.ts'

const erasure = 'A running server removes the network addresses from the events about them, within minutes.'
const whom = 'their sub, user name or e-mail address'
const passwordStdin = () =>
  new Option('--password-stdin', 'read the password from standard input, the only place it is taken from')

/** `signet users`: the people who sign in. */
export function usersCommand(program: Command, terminal: Terminal): void {
  const users = program.command('users').description('Make accounts for people, and look after them.')

  const create = users
    .command('create')
    .description('Make an account. Without a password nobody can sign in to it yet.')
  const newUser = addUserFlags(create)
  create
    .addOption(passwordStdin())
    .addOption(json())
    .action(async (flags: Format & { readonly passwordStdin?: true }) => {
      const user = newUser()
      const password = flags.passwordStdin ? await readPassword(terminal) : undefined
      const created = await changing(terminal, async (signet) => {
        const outcome = await createAccount(signet, operator(terminal), { ...user, password })
        if (outcome.outcome === 'password_refused') throw passwordRefused(outcome.fault, signet.settings)
        return outcome
      })
      if (created.outcome === 'email_invalid') throw invalidEmail()
      if (created.outcome !== 'created') throw nameTaken(created.outcome, user.profile.username, user.email)
      printOne(terminal, flags, documentOf(created.account))
    })

  addPageFlags(users.command('list').description('List users, the oldest accounts first.'), 'sub')
    .addOption(json())
    .action(async (flags: PageFlags) =>
      printPages<Account, { readonly sub: string }>(terminal, flags, {
        find: async ({ database }, sub) => {
          if (!(await hasAccount(database, sub))) throw new CommandFailed(`There is no user ${sub.slice(0, 80)}.`)
          return { sub }
        },
        read: ({ database }, after, limit) => listAccounts(database, after?.sub, limit),
        idOf: ({ sub }) => sub,
        documentOf,
        columns: ['sub', 'username', 'email', 'email_verified', 'name', 'disabled'],
        nothing: 'There are no users yet: signet users create.',
      }),
    )

  users
    .command('show')
    .description('Show a person with all claims.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const account = await reading(terminal, ({ database }) => findUser(database, identifier))
      printOne(terminal, format, documentOf(account))
    })

  const update = users
    .command('update')
    .description('Change what is given; an empty value takes it away. The rest stays. A new address is not verified.')
    .argument('<user>', whom)
  const changesOf = addUserChangeFlags(update)
  update.addOption(json()).action(async (identifier: string, format: Format) => {
    const changes = changesOf()
    const vouched = vouchedEmail(identifier, changes)
    const account = await changing(terminal, async (signet) => {
      const { sub } = await findUser(signet.database, identifier)
      const outcome = await updateAccount(signet, operator(terminal), sub, { ...changes, ...vouched })
      if (typeof outcome === 'string') throw whyNot(outcome, sub, changes)
      return outcome.account
    })
    printOne(terminal, format, documentOf(account))
  })

  users
    .command('sign-out')
    .description(
      'Sign a person out everywhere and end their grants, offline_access included. They can sign in again: if somebody else knows the password, use set-password or disable.',
    )
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { sub, ended, notes } = await changing(terminal, async (signet) => {
        const { sub } = await findUser(signet.database, identifier)
        const decided = await signOutEverywhere(signet, operator(terminal), sub)
        if (decided === 'no_such_account') throw justDeleted(sub)
        return { sub, ...(await countAsRowsFollow(signet, terminal, decided)) }
      })
      const document = {
        sub,
        sessions_ended: ended.sessions,
        grants_ended: ended.grants,
        more: ended.left || undefined,
      }
      printOne(terminal, format, document, notes)
    })

  users
    .command('disable')
    .description('Sign a person out everywhere, end their grants, and let them sign in no more.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { account, notes } = await changing(terminal, async (signet) => {
        const { sub } = await findUser(signet.database, identifier)
        const account = present(await disableAccount(signet, operator(terminal), sub), sub)
        return { account, notes: await letRowsFollow(signet, terminal) }
      })
      printOne(terminal, format, documentOf(account), notes)
    })

  users
    .command('enable')
    .description('Let a disabled person sign in again.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const account = await changing(terminal, async (signet) => {
        const { sub } = await findUser(signet.database, identifier)
        return present(await enableAccount(signet, operator(terminal), sub), sub)
      })
      printOne(terminal, format, documentOf(account))
    })

  users
    .command('set-password')
    .description('Set the password that standard input has, sign the person out everywhere, and end their grants.')
    .argument('<user>', whom)
    .addOption(passwordStdin())
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const password = await readPassword(terminal)
      const { account, notes } = await changing(terminal, async (signet) => {
        const { sub } = await findUser(signet.database, identifier)
        const set = await setPassword(signet, operator(terminal), sub, password)
        if (set.outcome === 'password_refused') throw passwordRefused(set.fault, signet.settings)
        if (set.outcome === 'no_such_account') throw justDeleted(sub)
        return { account: set.account, notes: await letRowsFollow(signet, terminal) }
      })
      printOne(terminal, format, documentOf(account), notes)
    })

  users
    .command('delete')
    .description(
      'Delete a person: profile, names, password, consents and sign-ins. The sub stays, and the events about it.',
    )
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { sub, notes } = await changing(terminal, async (signet) => {
        const account = await findUser(signet.database, identifier)
        const outcome = await deleteAccount(signet, operator(terminal), account.sub)
        if (outcome === 'no_such_account') throw justDeleted(account.sub)
        return { sub: account.sub, notes: await letRowsFollow(signet, terminal) }
      })
      printOne(terminal, format, { sub, deleted: true }, [...notes, erasure])
    })
}

/** @throws CommandFailed where the account is gone */
function present(account: Account | 'no_such_account', sub: string): Account {
  if (account === 'no_such_account') throw justDeleted(sub)
  return account
}

function justDeleted(sub: string): CommandFailed {
  return new CommandFailed(`The user ${sub} has just been deleted.`)
}

/**
 * Whoever vouches for an address says which one it is. A person can change theirs at any moment, also to somebody else's.
 *
 * @throws WrongUsage if neither --email nor the name of the person says it
 */
function vouchedEmail(identifier: string, { email, email_verified: isVouched }: AccountChanges) {
  if (!isVouched || email !== undefined) return {}
  if (!identifier.includes('@'))
    throw new WrongUsage(
      'Say which address you vouch for: give --email with --email-verified, or name the person by it.',
    )
  return { vouched_email: identifier.trim() }
}

function whyNot(refusal: AccountRefusal, sub: string, { username, email }: AccountChanges): Error {
  switch (refusal) {
    case 'no_such_account':
      return justDeleted(sub)
    case 'username_taken':
    case 'email_taken':
      return nameTaken(refusal, username, email)
    case 'email_invalid':
      return invalidEmail()
    case 'no_email':
      return new CommandFailed('The person has no e-mail address that could be verified: give --email.')
    case 'other_email':
      return new CommandFailed(
        'The person has just changed their e-mail address. Nothing was changed: look at it, and try again.',
      )
    case 'no_sign_in_name':
      return new CommandFailed(
        'The person would have nothing left to sign in with: keep an e-mail address or a user name.',
      )
  }
}

function nameTaken(
  taken: TakenName,
  username: string | null | undefined,
  email: string | null | undefined,
): CommandFailed {
  return new CommandFailed(
    taken === 'username_taken'
      ? `The user name ${username} is taken.`
      : `${email ?? 'The address'} is the verified address of somebody else.`,
  )
}

/** The claims under their names, and no password hash: an account does not even hold one. */
function documentOf({ sub, username, email, email_verified, address, ...claims }: Account): Document {
  return { sub, username, email, email_verified, ...claims, address: address && { ...address } }
}
