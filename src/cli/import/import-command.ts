import { type Command, InvalidArgumentError, Option } from 'commander'
import type { JsonObject } from '#verify/strict-json'
import type { Installation } from '../../installation.ts'
import type { ImportAccountOutcome } from '../../operations/import-account.ts'
import type { ImportClientOutcome } from '../../operations/import-client.ts'
import type { LockWait } from '../../platform/database/locked-transaction.ts'
import { asciiLowerCase } from '../../records/accounts/canonical-names.ts'
import { mayUseSecretAsKey } from '../../records/clients/hmac-secrets.ts'
import { shown } from '../../records/plain-text.ts'
import { WrongUsage } from '../command-failures.ts'
import { json, notEmpty, oneValue } from '../flags.ts'
import { operator } from '../operator.ts'
import type { Format } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changing, withSealing } from '../with-signet.ts'
import { hashOfAuth0, userOfAuth0 } from './auth0.ts'
import { type Entry, readEntries, type Shape } from './entries.ts'
import { clientOfHydra, clientsOfHydra } from './hydra.ts'
import { clientOfRow, userOfRow } from './json-rows.ts'
import { clientOfKeycloak, clientsOfRealm, userOfKeycloak, usersOfRealm } from './keycloak.ts'
import type { Translated } from './members.ts'
import { createNamesInRun } from './names-in-run.ts'
import { openReport, type Result } from './report.ts'

interface Flags extends Format {
  readonly from?: string
  readonly dryRun?: true
}

/** How the entries of a format are found and translated. */
interface Source<Item> {
  readonly shape: Shape
  readonly translate: (value: JsonObject) => Translated<Item>
}

/** `signet users import`. */
export function importUsersCommand(users: Command, terminal: Terminal): void {
  users
    .command('import')
    .description(
      'Import users with their sub and password hash from JSON lines, or from an export of another system. Nobody is given a right. What was imported before is skipped.',
    )
    .argument('[file...]')
    .addOption(fromFlag(['keycloak', 'auth0']))
    .addOption(notEmpty(oneValue('--password-hashes <file>', 'with --from auth0: the export of password hashes')))
    .addOption(dryRunFlag())
    .addOption(json())
    .action(async (files: string[], flags: Flags & { readonly passwordHashes?: string }) => {
      if (flags.passwordHashes !== undefined && flags.from !== 'auth0')
        throw new WrongUsage('--password-hashes belongs to --from auth0.')
      const lines: Shape = { kind: 'lines' }
      const source = async () => {
        if (flags.from === 'keycloak')
          return { shape: { kind: 'document', entriesIn: usersOfRealm } as const, translate: userOfKeycloak }
        if (flags.from !== 'auth0') return { shape: lines, translate: userOfRow }
        const hashes = await readHashes(terminal, flags.passwordHashes)
        return { shape: lines, translate: (row: JsonObject) => userOfAuth0(row, hashes) }
      }
      // Loaded here and not above: it needs `argon2`.
      const { importAccount } = await import('../../operations/import-account.ts')
      const names = createNamesInRun()
      await runImport(terminal, files, flags, await source(), async (installation, item, options) => {
        const claimed = [
          item.sub && `sub ${item.sub}`,
          item.profile.username && `username ${asciiLowerCase(item.profile.username)}`,
          item.email && item.emailVerified ? `email ${asciiLowerCase(item.email)}` : undefined,
        ]
        const outcome = await importAccount(installation, operator(terminal), item, options)
        if (options.dryRun && outcome.outcome === 'imported' && !names.claim(claimed))
          return { outcome: 'refused', reason: 'Another entry of this import has the same sub, user name or address.' }
        return accountResult(outcome)
      })
    })
}

/** `signet clients import`. */
export function importClientsCommand(clients: Command, terminal: Terminal): void {
  clients
    .command('import')
    .description(
      'Import clients with their client_id and secrets from JSON lines, or from an export of another system. What was imported before is skipped.',
    )
    .argument('[file...]')
    .addOption(fromFlag(['keycloak', 'hydra']))
    .addOption(
      new Option(
        '--allow-short-secrets',
        'import secrets of 8 to 31 characters too. They are marked and never used as a key for HS256',
      ),
    )
    .addOption(dryRunFlag())
    .addOption(json())
    .action(async (files: string[], flags: Flags & { readonly allowShortSecrets?: true }) => {
      const sources = {
        json: { shape: { kind: 'lines' }, translate: clientOfRow },
        keycloak: { shape: { kind: 'document', entriesIn: clientsOfRealm }, translate: clientOfKeycloak },
        hydra: { shape: { kind: 'document', entriesIn: clientsOfHydra, orLines: true }, translate: clientOfHydra },
      } as const
      const { importClient } = await import('../../operations/import-client.ts')
      const ids = createNamesInRun()
      const source = sources[(flags.from ?? 'json') as keyof typeof sources]
      await runImport(terminal, files, flags, source, async (installation, item, options, wait) => {
        const allowShortSecrets = flags.allowShortSecrets ?? false
        const outcome = await withSealing(terminal, installation, wait, mayUseSecretAsKey(item.metadata), (registry) =>
          importClient(registry, operator(terminal), item, { ...options, allowShortSecrets }),
        )
        if (options.dryRun && outcome.outcome === 'imported' && !ids.claim([item.clientId]))
          return { outcome: 'refused', reason: 'Another entry of this import has the same client_id.' }
        return clientResult(outcome, item.clientId)
      })
    })
}

function fromFlag(systems: readonly string[]): Option {
  return new Option('--from <system>', `format of the export: ${systems.join(' or ')} (default: JSON lines)`).argParser<
    string | undefined
  >((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    if (!systems.includes(value)) throw new InvalidArgumentError(`It must be ${systems.join(' or ')}.`)
    return value
  })
}

function dryRunFlag(): Option {
  return new Option('--dry-run', 'check every entry and change nothing')
}

type Outcome =
  | Omit<Extract<Result, { outcome: 'imported' }>, 'where' | 'id'>
  | Omit<Extract<Result, { reason: string }>, 'where' | 'id'>

/** Imports one entry after the other, each in a transaction of its own. */
async function runImport<Item>(
  terminal: Terminal,
  files: readonly string[],
  flags: Flags,
  { shape, translate }: Source<Item>,
  importOne: (
    installation: Installation,
    item: Item,
    options: { readonly source: string; readonly dryRun: boolean },
    wait: LockWait,
  ) => Promise<Outcome>,
): Promise<void> {
  const dryRun = flags.dryRun ?? false
  const options = { source: flags.from ?? 'json', dryRun }
  await changing(terminal, async (installation, wait) => {
    const report = openReport(terminal, flags, dryRun)
    const take = async (entry: Entry): Promise<Result> => {
      const { where } = entry
      if ('fault' in entry) return { where, id: '', outcome: 'refused', reason: entry.fault }
      const found = translate(entry.value)
      const { id } = found
      if (found.kind !== 'import')
        return { where, id, outcome: found.kind === 'skip' ? 'skipped' : 'refused', reason: found.reason }
      const outcome = await importOne(installation, found.item, options, wait).catch(refusalOf)
      const notes = [...found.notes, ...('notes' in outcome ? (outcome.notes ?? []) : [])]
      return { where, id, ...outcome, notes }
    }
    let isInterrupted = false
    for await (const entry of readEntries(terminal, files, shape)) {
      isInterrupted = terminal.stopSignal.aborted
      if (isInterrupted) break
      report.add(await take(entry))
    }
    report.close(isInterrupted || terminal.stopSignal.aborted)
  })
}

/** Values that the rules refuse, and those that PostgreSQL cannot store (Appendix A, class 22). */
function refusalOf(error: unknown): Outcome {
  if (!(error instanceof Error)) throw error
  if (error.name === 'InvalidProfile' || error.name === 'InvalidClientMetadata')
    return { outcome: 'refused', reason: error.message }
  if (/^22/.test((error as NodeJS.ErrnoException).code ?? ''))
    return { outcome: 'refused', reason: 'It has a value that cannot be stored.' }
  throw error
}

function accountResult(outcome: ImportAccountOutcome): Outcome {
  const refused = (reason: string): Outcome => ({ outcome: 'refused', reason })
  switch (outcome.outcome) {
    case 'imported':
      return { outcome: 'imported' }
    case 'exists':
      return { outcome: 'skipped', reason: 'The account is already here.' }
    case 'password_refused':
      return refused(`The password hash ${outcome.fault}.`)
    case 'username_taken':
      return refused('Somebody else has the user name.')
    case 'email_taken':
      return refused('The address is already the verified address of somebody else.')
    case 'email_invalid':
      return refused('The e-mail address is not valid.')
    case 'no_sign_in_name':
      return refused('It has neither an e-mail address nor a user name.')
    case 'sub_invalid':
      return refused('The sub must be 1 to 255 ASCII characters without spaces, and must not begin with client_.')
    case 'sub_of_client':
      return refused('The sub is the client_id of a client.')
    case 'sub_deleted':
      return refused('The account with this sub was deleted. A sub is never used again.')
  }
}

function clientResult(outcome: ImportClientOutcome, clientId: string): Outcome {
  const refused = (reason: string): Outcome => ({ outcome: 'refused', reason })
  switch (outcome.outcome) {
    case 'imported': {
      const scopes = outcome.scopesLeftOut.map((scope) => `The scope ${shown(scope)} is left out: no resource has it.`)
      const secret = `${clientId} has no secret yet: signet clients rotate-secret ${clientId}`
      return { outcome: 'imported', notes: [...scopes, ...(outcome.without ? [secret] : [])] }
    }
    case 'exists':
      return { outcome: 'skipped', reason: 'The client is already here.' }
    case 'differs':
      return refused(`There is a client with this client_id, and it differs in ${outcome.from.join(', ')}.`)
    case 'client_id_invalid':
      return refused('The client_id must be 1 to 255 ASCII characters without spaces.')
    case 'client_id_like_sub':
      return refused('The client_id has the form of a sub (22 characters in base64url).')
    case 'client_id_of_account':
      return refused('The client_id is the sub of an account.')
    case 'client_deleted':
      return refused('A client with this client_id is being deleted. Try again in a minute.')
    case 'secret_invalid':
      return refused(
        'A secret must be 8 to 255 printable ASCII characters. Leave it out, and issue a new one with signet clients rotate-secret.',
      )
    case 'secret_short':
      return refused('A secret has fewer than 32 characters. Replace it, or give --allow-short-secrets.')
    case 'secrets_unused':
      return refused('It has a secret, but its token_endpoint_auth_method uses none.')
    case 'too_many_secrets':
      return refused('It has more than two secrets.')
  }
}

/** The hashes are held in memory, about 200 bytes for each. */
async function readHashes(terminal: Terminal, file: string | undefined): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>()
  if (file === undefined) return hashes
  for await (const entry of readEntries(terminal, [file], { kind: 'lines' })) {
    const read = 'value' in entry ? hashOfAuth0(entry.value) : undefined
    if (!read)
      throw new WrongUsage(
        `${file.slice(0, 200)}, ${entry.where}: this is not an entry of an export of password hashes.`,
      )
    hashes.set(read.id, read.hash)
  }
  return hashes
}
