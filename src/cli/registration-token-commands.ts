import type { Command } from 'commander'
import { createRegistrationToken, revokeRegistrationToken } from '../operations/registration-tokens.ts'
import {
  findRegistrationTokenById,
  listRegistrationTokens,
  type RegistrationToken,
} from '../records/clients/registration-tokens-store.ts'
import { isPlainText, maxNameLength } from '../records/plain-text.ts'
import type { ForFlag } from './client-instructions.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { count, duration, json, notEmpty, oneValue } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import {
  findSelfRegistering,
  registrationDocument,
  registrationInstructions,
  type SelfRegistering,
  unknownSelfRegistering,
} from './recipes/recipes.ts'
import { type Terminal, visible } from './terminal.ts'
import { changing } from './with-signet.ts'

interface CreateFlags extends Format, ForFlag {
  readonly expiresIn?: number | ''
  readonly uses?: number
  readonly note?: string
}

const day = 86_400
/** Seconds. A forgotten token must not stay good for years. */
const maxTtl = 365 * day
const defaultTtl = 7 * day
const maxUses = 1_000_000

/** `signet registration-tokens`: the initial access tokens with which clients register themselves (RFC 7591 §3). */
export function registrationTokensCommand(program: Command, terminal: Terminal): void {
  const tokens = program
    .command('registration-tokens')
    .description('Manage the tokens with which applications register themselves (SIGNET_REGISTRATION).')

  tokens
    .command('create')
    .description('Create an initial access token and print it.')
    .addOption(duration('--expires-in <duration>', 'how long it can be used (default 7d, at most 365d)'))
    .addOption(count('--uses <number>', 'how many clients can register with it (default any number)', maxUses))
    .addOption(notEmpty(oneValue('--note <text>', 'what it is for, shown in the list')))
    .addOption(
      notEmpty(
        oneValue(
          '--for <library>',
          'also print how an application registers itself with this library, such as openid-client',
        ),
      ),
    )
    .addOption(json())
    .action(async (flags: CreateFlags) => {
      const ttl = flags.expiresIn || defaultTtl
      if (ttl < 1 || ttl > maxTtl) throw new WrongUsage('--expires-in must be from 1s to 365d.')
      if (flags.note !== undefined && !isPlainText(flags.note, maxNameLength))
        throw new WrongUsage(`--note must be 1 to ${maxNameLength} characters, without control characters.`)
      const recipe = flags.for === undefined ? undefined : requireSelfRegistering(flags.for)
      const options = { ttl, maxUses: flags.uses, note: flags.note }
      const { stored, token, issuer } = await changing(terminal, async (signet) => ({
        ...(await createRegistrationToken(signet, operator(terminal), options)),
        issuer: signet.settings.issuer,
      }))
      const { token_id, ...rest } = documentOf(stored)
      const registration = { issuer, initialAccessToken: token }
      const document = { token_id, token, ...rest }
      if (flags.json && recipe)
        return printOne(terminal, flags, { ...document, configuration: registrationDocument(recipe, registration) })
      printOne(terminal, flags, document, ['The token is shown only once; Signet stores only its digest.'])
      if (recipe) terminal.writeOut(visible(`\n${registrationInstructions(recipe, registration)}`))
    })

  addPageFlags(
    tokens
      .command('list')
      .description('List initial access tokens, oldest first, without their values. Expired ones stay for a week.'),
    'token_id',
  )
    .addOption(json())
    .action(async (flags: PageFlags) =>
      printPages<RegistrationToken, Pick<RegistrationToken, 'id'>>(terminal, flags, {
        find: async ({ database }, id) => {
          const found = await findRegistrationTokenById(database, tokenId(id))
          if (!found) throw noSuchToken(id)
          return found
        },
        read: ({ database }, after, limit) => listRegistrationTokens(database, after, limit),
        idOf: ({ id }) => String(id),
        documentOf,
        columns: ['token_id', 'note', 'state', 'uses', 'max_uses', 'expires_at'],
        nothing: 'There are no initial access tokens. To create one: signet registration-tokens create',
      }),
    )

  tokens
    .command('revoke')
    .description('Make an initial access token void at once. Clients that registered with it stay.')
    .argument('<token_id>', 'a number from signet registration-tokens list')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const outcome = await changing(terminal, (signet) =>
        revokeRegistrationToken(signet, operator(terminal), tokenId(id)),
      )
      if (outcome === 'no_such_token') throw noSuchToken(id)
      printOne(terminal, format, { token_id: Number(id), revoked: true })
    })
}

/** @throws WrongUsage if there is no such recipe, or if it cannot use a token */
function requireSelfRegistering(name: string): SelfRegistering {
  const recipe = findSelfRegistering(name)
  if (!recipe) throw new WrongUsage(unknownSelfRegistering(name))
  return recipe
}

/** 0 if the text is not an ID: no token has it. */
function tokenId(text: string): number {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0
}

function noSuchToken(id: string): CommandFailed {
  return new CommandFailed(
    `There is no initial access token ${id.slice(0, 20)}. To list them: signet registration-tokens list`,
  )
}

function documentOf({ id, note, createdAt, expiresAt, maxUses, uses }: RegistrationToken): Document {
  const isUsedUp = maxUses !== undefined && uses >= maxUses
  const state = isUsedUp ? 'used up' : expiresAt.getTime() <= Date.now() ? 'expired' : 'usable'
  return { token_id: id, note, state, uses, max_uses: maxUses, created_at: createdAt, expires_at: expiresAt }
}
