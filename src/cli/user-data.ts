import type { Command } from 'commander'
import { exportData } from '../operations/personal-data.ts'
import { CommandFailed } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { json } from './flags.ts'
import { operator } from './operator.ts'
import { type Terminal, visibleInJson } from './terminal.ts'
import { changing } from './with-signet.ts'

/** `signet users data`: what a user can download on the account page. */
export function userDataCommand(users: Command, terminal: Terminal): void {
  users
    .command('data')
    .description(
      'Print everything that is stored about a user as one JSON document, without secrets, for example to hand it over. It is what the user can download on the account page.',
    )
    .argument('<user>', 'sub, user name or e-mail address')
    .addOption(json())
    .action(async (identifier: string) =>
      changing(terminal, async (installation) => {
        const { sub } = await findUser(installation.database, identifier)
        const pieces = await exportData(installation, operator(terminal), sub)
        if (pieces === 'no_such_account') throw new CommandFailed(`The user ${sub} has just been deleted.`)
        for await (const piece of pieces) terminal.writeOut(visibleInJson(piece))
      }),
    )
}
