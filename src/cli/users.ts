import { type Command, Option } from 'commander'
import type { Installation } from '../installation.ts'
import {
  deleteAccount,
  disableAccount,
  enableAccount,
  setPassword,
  signOutEverywhere,
} from '../operations/account-access.ts'
import { type Actor, originOf } from '../operations/actor.ts'
import { type AccountChanges, type AccountRefusal, updateAccount } from '../operations/update-account.ts'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import type { Account } from '../records/accounts/account.ts'
import {
  findAccount,
  hasAccount,
  insertAccount,
  listAccounts,
  setEmailVerified,
} from '../records/accounts/accounts-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { CommandFailed, WrongUsage } from './failures.ts'
import { findUser } from './find-user.ts'
import { json } from './flags.ts'
import { countAsRowsFollow, letRowsFollow } from './let-rows-follow.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import { checkPassword, readPassword } from './password-input.ts'
import type { Terminal } from './terminal.ts'
import { addUserChangeFlags, addUserFlags, type NewUser } from './user-flags.ts'
import { changing, reading } from './with-signet.ts'

/** A command has the queue of its process for itself. */
const byCommand = { network: undefined }

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
      const account = await changing(terminal, (signet) => createUser(signet, operator(terminal), user, password))
      printOne(terminal, flags, documentOf(account))
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
      if (typeof outcome === 'string') throw new CommandFailed(whyNot(outcome, sub, changes))
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
        if (!decided) throw justDeleted(sub)
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
        const found = await findUser(signet.database, identifier)
        const { sub } = found
        await checkPassword(password, signet.settings, found)
        const account = present(
          await setPassword(signet, operator(terminal), sub, await signet.passwords.hash(password, byCommand)),
          sub,
        )
        return { account, notes: await letRowsFollow(signet, terminal) }
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
        if (!(await deleteAccount(signet, operator(terminal), account.sub))) throw justDeleted(account.sub)
        return { sub: account.sub, notes: await letRowsFollow(signet, terminal) }
      })
      printOne(terminal, format, { sub, deleted: true }, [...notes, erasure])
    })
}

async function createUser(
  signet: Installation,
  actor: Actor,
  user: NewUser,
  password: string | undefined,
): Promise<Account> {
  const { database, settings, passwords } = signet
  const { email, emailVerified, profile } = user
  if (password !== undefined) await checkPassword(password, settings, { ...profile, email })
  const passwordHash = password === undefined ? undefined : await passwords.hash(password, byCommand)
  const sub = randomText(16)
  return inTransaction(database, async (tx) => {
    await insertAccount(tx, { sub, profile, email, passwordHash }).catch(
      taken(`The user name ${profile.username} is taken.`),
    )
    if (emailVerified)
      await setEmailVerified(tx, sub).catch(taken(`${email} is the verified address of somebody else.`))
    await recordEvent(tx, {
      type: 'account_created',
      ...originOf(actor),
      sub,
      detail: { email_verified: emailVerified },
    })
    return again(tx, sub)
  })
}

async function again(tx: Queryable, sub: string): Promise<Account> {
  return present(await findAccount(tx, sub), sub)
}

/** @throws CommandFailed where the account is gone */
function present(account: Account | undefined, sub: string): Account {
  if (!account) throw justDeleted(sub)
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

function whyNot(refusal: AccountRefusal, sub: string, { username, email }: AccountChanges): string {
  switch (refusal) {
    case 'no_such_account':
      return justDeleted(sub).message
    case 'username_taken':
      return `The user name ${username} is taken.`
    case 'email_taken':
      return `${email ?? 'The address'} is the verified address of somebody else.`
    case 'no_email':
      return 'The person has no e-mail address that could be verified: give --email.'
    case 'other_email':
      return 'The person has just changed their e-mail address. Nothing was changed: look at it, and try again.'
    case 'no_sign_in_name':
      return 'The person would have nothing left to sign in with: keep an e-mail address or a user name.'
  }
}

/** Tells a broken unique constraint in words. PostgreSQL Appendix A: 23505, unique_violation. */
function taken(sentence: string): (error: unknown) => never {
  return (error) => {
    throw (error as { code?: unknown }).code === '23505' ? new CommandFailed(sentence) : error
  }
}

/** The claims under their names, and no password hash: an account does not even hold one. */
function documentOf({ sub, username, email, email_verified, address, ...claims }: Account): Document {
  return { sub, username, email, email_verified, ...claims, address: address && { ...address } }
}
