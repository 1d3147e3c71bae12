import type { Command } from 'commander'
import { CommandFailed } from '../failures.ts'
import { notEmpty, oneValue } from '../flags.ts'
import { type Terminal, visibleJson } from '../terminal.ts'
import { readingKeys } from '../with-signet.ts'
import { sayNotRevokedYet } from './not-revoked-yet.ts'

/** `signet keys export-public`: always JSON, for a verifier that cannot fetch. */
export function exportPublicCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('export-public')
    .description('Print the JWK Set as it is served, as JSON; nothing in it is private.')
    .addOption(notEmpty(oneValue('--kid <kid>', 'only this key, as one JWK')))
    .action(async ({ kid }: { readonly kid?: string }) => {
      // The very bytes that are served: there is no second way to leave out what is private.
      const set = await readingKeys(terminal, async (view) => {
        sayNotRevokedYet(terminal, view)
        return JSON.parse(view.jwkSet.body.toString('utf8'))
      })
      const { keys: published } = set as { readonly keys: readonly { readonly kid: string }[] }
      const found = kid === undefined ? { keys: published } : published.find((key) => key.kid === kid)
      if (!found)
        throw new CommandFailed(`No key ${kid?.slice(0, 80)} is published: signet keys list shows those that are.`)
      terminal.writeOut(`${visibleJson(found)}\n`)
    })
}
