import { type Command, Option } from 'commander'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import type { Account } from '../records/accounts/account.ts'
import {
  deleteAccount,
  findAccount,
  insertAccount,
  listAccounts,
  setDisabled,
  setEmailVerified,
  setPasswordHash,
  signOutEverywhere,
} from '../records/accounts/accounts-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { CommandFailed } from './failures.ts'
import { findUser } from './find-user.ts'
import { json } from './flags.ts'
import { type Document, type Format, printMany, printOne } from './output.ts'
import { checkPassword, readPassword } from './password-input.ts'
import type { Terminal } from './terminal.ts'
import { addUserFlags, type NewUser } from './user-flags.ts'
import { withSignet } from './with-signet.ts'

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
      const account = await withSignet(terminal, (signet) => createUser(signet, user, password))
      printOne(terminal, flags, documentOf(account))
    })

  users
    .command('list')
    .description('List all people.')
    .addOption(json())
    .action(async (format: Format) => {
      const all = await withSignet(terminal, ({ database }) => listAccounts(database))
      const columns = ['sub', 'username', 'email', 'email_verified', 'name', 'disabled']
      printMany(terminal, format, all.map(documentOf), columns, 'There are no users yet: signet users create.')
    })

  users
    .command('show')
    .description('Show a person with all claims.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const account = await withSignet(terminal, ({ database }) => findUser(database, identifier))
      printOne(terminal, format, documentOf(account))
    })

  users
    .command('disable')
    .description('Sign a person out everywhere, end their grants, and let them sign in no more.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const account = await withSignet(terminal, (signet) => switchUser(signet, identifier, true))
      printOne(terminal, format, documentOf(account))
    })

  users
    .command('enable')
    .description('Let a disabled person sign in again.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const account = await withSignet(terminal, (signet) => switchUser(signet, identifier, false))
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
      const account = await withSignet(terminal, (signet) => setPassword(signet, identifier, password))
      printOne(terminal, format, documentOf(account))
    })

  users
    .command('delete')
    .description('Delete all that is known of a person. Their sub is never given to anybody else.')
    .argument('<user>', whom)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { sub } = await withSignet(terminal, ({ database }) =>
        inTransaction(database, async (tx) => {
          const account = await findUser(tx, identifier)
          await deleteAccount(tx, account.sub)
          await recordEvent(tx, { type: 'account_deleted', caller: undefined, sub: account.sub })
          return account
        }),
      )
      printOne(terminal, format, { sub, deleted: true })
    })
}

async function createUser(signet: Signet, user: NewUser, password: string | undefined): Promise<Account> {
  const { database, settings, passwords } = signet
  const { email, emailVerified, profile } = user
  if (password !== undefined) await checkPassword(password, settings, { ...profile, email })
  const passwordHash = password === undefined ? undefined : await passwords.hash(password)
  const sub = randomText(16)
  return inTransaction(database, async (tx) => {
    await insertAccount(tx, { sub, profile, email, passwordHash }).catch(
      taken(`The user name ${profile.username} is taken.`),
    )
    if (emailVerified)
      await setEmailVerified(tx, sub).catch(taken(`${email} is the verified address of somebody else.`))
    await recordEvent(tx, {
      type: 'account_created',
      caller: undefined,
      sub,
      detail: { email_verified: emailVerified },
    })
    return again(tx, sub)
  })
}

async function switchUser({ database }: Signet, identifier: string, disabled: boolean): Promise<Account> {
  return inTransaction(database, async (tx) => {
    const account = await findUser(tx, identifier)
    await setDisabled(tx, account.sub, disabled)
    if (account.disabled !== disabled)
      await recordEvent(tx, {
        type: disabled ? 'account_disabled' : 'account_enabled',
        caller: undefined,
        sub: account.sub,
      })
    return again(tx, account.sub)
  })
}

async function setPassword(signet: Signet, identifier: string, password: string): Promise<Account> {
  const { database, settings, passwords } = signet
  const found = await findUser(database, identifier)
  const { sub } = found
  await checkPassword(password, settings, found)
  const passwordHash = await passwords.hash(password)
  return inTransaction(database, async (tx) => {
    const account = await again(tx, sub)
    await setPasswordHash(tx, sub, passwordHash)
    // Who knew the old password may be signed in by it: an operator sets a new one because something went wrong.
    await signOutEverywhere(tx, sub, 'password_set')
    await recordEvent(tx, { type: 'password_set', caller: undefined, sub })
    return account
  })
}

async function again(tx: Queryable, sub: string): Promise<Account> {
  const account = await findAccount(tx, sub)
  if (!account) throw new CommandFailed(`The user ${sub} was deleted in this moment.`)
  return account
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
