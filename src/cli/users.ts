import { type Command, Option } from 'commander'
import { disableAccount, enableAccount, setPassword, signOutEverywhere } from '../operations/account-access.ts'
import { createAccount } from '../operations/create-account.ts'
import { deleteAccount } from '../operations/delete-account.ts'
import { type AccountChanges, type AccountRefusal, updateAccount } from '../operations/update-account.ts'
import type { Account } from '../records/accounts/account.ts'
import { hasAccount, listAccounts, type TakenName } from '../records/accounts/accounts-store.ts'
import { findGroupsOf } from '../records/groups/groups-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { findUser, findUserOfClient } from './find-user.ts'
import { json, notEmpty, oneValue } from './flags.ts'
import { importUsersCommand } from './import/import-command.ts'
import { addInvitationCommands } from './invitation-commands.ts'
import { operator, readReason, reasonFlag } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import { passwordRefused, passwordsOff, readPassword } from './password-input.ts'
import { recoverUserCommand } from './recover-user.ts'
import type { Terminal } from './terminal.ts'
import { updateAndCountEnded, updateEndedRecords } from './update-ended-records.ts'
import { userDataCommand } from './user-data.ts'
import { addFactorCommands } from './user-factors.ts'
import { addUserChangeFlags, addUserFlags, invalidEmail } from './user-flags.ts'
import { changing, reading, withMail } from './with-signet.ts'

const addressesRemoved =
  'A running server removes network addresses and devices from the events about this user within minutes.'
const userArgument = 'sub, user name or e-mail address'
const passwordStdin = () =>
  new Option('--password-stdin', 'read the password from standard input (the only way to pass one)')

/** `signet users`: user accounts. */
export function usersCommand(program: Command, terminal: Terminal): void {
  const users = program.command('users').description('Create and manage user accounts.')

  const create = users
    .command('create')
    .description('Create a user account. Without a password, its user gets in by a link (signet users recover).')
  const newUser = addUserFlags(create)
  create
    .addOption(passwordStdin())
    .addOption(json())
    .action(async (flags: Format & { readonly passwordStdin?: true }) => {
      const user = newUser()
      const password = flags.passwordStdin ? await readPassword(terminal) : undefined
      const created = await changing(terminal, async (signet) => {
        const outcome = await createAccount(signet, operator(terminal), { ...user, password })
        if (outcome.outcome === 'password_refused') throw passwordRefused(outcome)
        if (outcome.outcome === 'passwords_off')
          throw passwordsOff('Create the user without one. They get in by a link: signet users recover')
        return outcome
      })
      if (created.outcome === 'email_invalid') throw invalidEmail()
      if (created.outcome !== 'created') throw nameTaken(created.outcome, user.profile.username, user.email)
      printOne(terminal, flags, documentOf(created.account))
    })

  addInvitationCommands(users, terminal)

  importUsersCommand(users, terminal)

  addPageFlags(users.command('list').description('List users, oldest accounts first.'), 'sub')
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
        nothing: 'There are no users yet. To create one: signet users create',
      }),
    )

  users
    .command('show')
    .description('Show a user with all claims.')
    .argument('<user>', `${userArgument}; with --client also the sub that this client sees`)
    .addOption(
      notEmpty(
        oneValue(
          '--client <client_id>',
          'show the sub by which this client knows the user, and find a user by it (subject_type pairwise)',
        ),
      ),
    )
    .addOption(json())
    .action(async (identifier: string, { client, ...format }: Format & { readonly client?: string }) => {
      const { subject, account, groups } = await reading(terminal, async (installation) => {
        const { database } = installation
        const found =
          client === undefined
            ? { account: await findUser(database, identifier), subject: undefined }
            : await findUserOfClient(installation, terminal, identifier, client)
        return { ...found, groups: await findGroupsOf(database, found.account.sub) }
      })
      const { sub, ...claims } = documentOf(account)
      const own = { sub, sub_for_client: subject, ...claims }
      printOne(terminal, format, { ...own, groups: groups.length > 0 ? groups : undefined })
    })

  const update = users
    .command('update')
    .description(
      'Change the given values and leave the rest; an empty value removes one. A new e-mail address is unverified. If the previous one was verified, the user is notified there by e-mail.',
    )
    .argument('<user>', userArgument)
  const changesOf = addUserChangeFlags(update)
  update.addOption(json()).action(async (identifier: string, format: Format) => {
    const changes = changesOf()
    const vouched = vouchedEmail(identifier, changes)
    const account = await changing(terminal, async (installation, wait) => {
      const { sub, email_verified } = await findUser(installation.database, identifier)
      const isTold = email_verified && changes.email !== undefined
      const outcome = await withMail(terminal, installation, wait, isTold, (signet) =>
        updateAccount(signet, operator(terminal), sub, { ...changes, ...vouched }),
      )
      if (typeof outcome === 'string') throw updateRefused(outcome, sub, changes)
      return outcome.account
    })
    printOne(terminal, format, documentOf(account))
  })

  users
    .command('sign-out')
    .description(
      'Sign a user out everywhere and end all their grants, including offline_access. They can sign in again: if somebody else knows the password, use set-password or disable.',
    )
    .argument('<user>', userArgument)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { sub, ended, notes } = await changing(terminal, async (signet) => {
        const { sub } = await findUser(signet.database, identifier)
        const decided = await signOutEverywhere(signet, operator(terminal), sub)
        if (decided === 'no_such_account') throw justDeleted(sub)
        return { sub, ...(await updateAndCountEnded(signet, terminal, decided)) }
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
    .description('Disable an account: sign the user out everywhere, end all their grants, and refuse new sign-ins.')
    .argument('<user>', userArgument)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { account, notes } = await changing(terminal, async (signet) => {
        const { sub } = await findUser(signet.database, identifier)
        const account = present(await disableAccount(signet, operator(terminal), sub), sub)
        return { account, notes: await updateEndedRecords(signet, terminal) }
      })
      printOne(terminal, format, documentOf(account), notes)
    })

  users
    .command('enable')
    .description('Enable a disabled account, so that the user can sign in again.')
    .argument('<user>', userArgument)
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
    .description(
      'Set a new password from standard input. Signs the user out everywhere and ends all their grants. The user is notified by e-mail, if their address is verified.',
    )
    .argument('<user>', userArgument)
    .addOption(passwordStdin())
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (identifier: string, { reason: given, ...format }: Format & { readonly reason?: string }) => {
      const reason = readReason(given)
      const password = await readPassword(terminal)
      const { account, notes } = await changing(terminal, async (installation, wait) => {
        const { sub, email_verified } = await findUser(installation.database, identifier)
        const set = await withMail(terminal, installation, wait, email_verified, (signet) =>
          setPassword(signet, operator(terminal), sub, password, reason),
        )
        if (set.outcome === 'password_refused') throw passwordRefused(set)
        if (set.outcome === 'passwords_off')
          throw passwordsOff(`A link lets the user create a passkey: signet users recover ${sub}`)
        if (set.outcome === 'no_such_account') throw justDeleted(sub)
        return { account: set.account, notes: await updateEndedRecords(installation, terminal) }
      })
      printOne(terminal, format, documentOf(account), notes)
    })

  recoverUserCommand(users, terminal)

  addFactorCommands(users, terminal)

  userDataCommand(users, terminal)

  users
    .command('delete')
    .description(
      'Delete a user with everything that is stored about them, and sign them out everywhere. The sub and the events about it are kept. The user is notified by e-mail, if their address is verified.',
    )
    .argument('<user>', userArgument)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { sub, notes } = await changing(terminal, async (installation, wait) => {
        const { sub, email_verified } = await findUser(installation.database, identifier)
        const outcome = await withMail(terminal, installation, wait, email_verified, (signet) =>
          deleteAccount(signet, operator(terminal), sub),
        )
        if (outcome === 'no_such_account') throw justDeleted(sub)
        return { sub, notes: await updateEndedRecords(installation, terminal) }
      })
      printOne(terminal, format, { sub, deleted: true }, [...notes, addressesRemoved])
    })
}

/** @throws CommandFailed if the account has been deleted */
function present(account: Account | 'no_such_account', sub: string): Account {
  if (account === 'no_such_account') throw justDeleted(sub)
  return account
}

function justDeleted(sub: string): CommandFailed {
  return new CommandFailed(`The user ${sub} has just been deleted.`)
}

/**
 * Requires that an operator who vouches for an address names it. A user can change theirs at any moment, also to somebody else's.
 *
 * @throws WrongUsage if neither --email nor the user argument is an address
 */
function vouchedEmail(identifier: string, { email, email_verified: isVouched }: AccountChanges) {
  if (!isVouched || email !== undefined) return {}
  if (!identifier.includes('@'))
    throw new WrongUsage(
      'Say which address you vouch for: give --email with --email-verified, or identify the user by the address.',
    )
  return { vouched_email: identifier.trim() }
}

function updateRefused(refusal: AccountRefusal, sub: string, { username, email }: AccountChanges): Error {
  switch (refusal) {
    case 'no_such_account':
      return justDeleted(sub)
    case 'username_taken':
    case 'email_taken':
      return nameTaken(refusal, username, email)
    case 'email_invalid':
      return invalidEmail()
    case 'no_email':
      return new CommandFailed('The user has no e-mail address to verify: give --email.')
    case 'other_email':
      return new CommandFailed(
        'The user has just changed their e-mail address, so this command changed nothing. Check the new address, then try again.',
      )
    case 'no_sign_in_name':
      return new CommandFailed(
        'The user would have nothing left to sign in with. Keep an e-mail address or a user name.',
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
      : `${email ?? 'The address'} is already the verified address of another user.`,
  )
}

/** The claims under their names. `Account` has no password hash, so none can be printed. */
function documentOf({ sub, username, email, email_verified, address, signed_up, ...claims }: Account): Document {
  const own = { sub, username, email, email_verified, ...claims, signed_up: signed_up || undefined }
  return { ...own, address: address && { ...address } }
}
