import type { Command } from 'commander'
import { importCommand } from './keys/import.ts'
import { exportPublicCommand, listCommand } from './keys/list-keys.ts'
import { resealCommand } from './keys/reseal-command.ts'
import { revokeCommand } from './keys/revoke.ts'
import { rotateCommand } from './keys/rotate.ts'
import { rotateSecretsCommand } from './keys/rotate-secrets.ts'
import { secretsCommand } from './keys/secrets.ts'
import type { Terminal } from './terminal.ts'

/** `signet keys`: the keys that sign tokens, purpose secrets, and the master key that seals both. */
export function keysCommand(program: Command, terminal: Terminal): void {
  const keys = program.command('keys').description('View and manage signing keys and secrets.')
  listCommand(keys, terminal)
  rotateCommand(keys, terminal)
  revokeCommand(keys, terminal)
  importCommand(keys, terminal)
  exportPublicCommand(keys, terminal)
  resealCommand(keys, terminal)
  secretsCommand(keys, terminal)
  rotateSecretsCommand(keys, terminal)
}
