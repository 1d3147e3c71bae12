#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { serveCommand } from './cli/serve.ts'

const program = new Command('signet').description('An identity provider: signs people in, and signs JWTs that anybody can verify.')
serveCommand(program)

for (const command of [program, ...program.commands]) command.exitOverride()
try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`signet: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
