import type { Command } from 'commander'
import { json } from './flags.ts'
import { type Document, type Format, printMany } from './output.ts'
import type { Terminal } from './terminal.ts'
import { withSignet } from './with-signet.ts'

/** `signet keys`: the keys that sign tokens. */
export function keysCommand(program: Command, terminal: Terminal): void {
  const keys = program.command('keys').description('Look at the keys that sign tokens.')

  keys
    .command('list')
    .description('List all keys with their states: standby, active, retiring, retired, revoked.')
    .addOption(json())
    .action(async (format: Format) => {
      const states = await withSignet(terminal, async ({ keyRing }) => keyRing.keys())
      const documents = [...states]
        .sort(([a], [b]) => (a.alg < b.alg ? -1 : a.alg > b.alg ? 1 : a.activatesAt - b.activatesAt))
        .map(([key, state]): Document => {
          const { kid, alg, publishedAt, activatesAt, retiresAt, revokedAt } = key
          return {
            ...{ kid, alg, state, published_at: new Date(publishedAt), activates_at: new Date(activatesAt) },
            retires_at: moment(retiresAt),
            revoked_at: moment(revokedAt),
          }
        })
      const columns = ['kid', 'alg', 'state', 'published_at', 'activates_at', 'retires_at', 'revoked_at']
      printMany(terminal, format, documents, columns, 'There are no keys.')
    })
}

function moment(milliseconds: number | undefined): Date | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds)
}
