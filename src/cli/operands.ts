import type { Command } from 'commander'

/**
 * Puts ids that begin with a hyphen behind a `--`, where they are not taken for flags: ids are random or digests, base64url, and one in 64
 * begins so (`signet users show -Vb1…`).
 *
 * @param args the command line
 * @param program which knows all flags, and which of them take a value
 */
export function idsBehindFlags(args: readonly string[], program: Command): string[] {
  const takeValue = new Set(flagsWithValue(program))
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const isOperand = args.map((arg, index) => index < end && isHyphenedId(arg) && !takeValue.has(args[index - 1] ?? ''))
  if (!isOperand.includes(true)) return [...args]
  const flags = args.filter((_, index) => index < end && !isOperand[index])
  const ids = args.filter((_, index) => isOperand[index])
  return [...flags, '--', ...ids, ...args.slice(end + 1)]
}

/** 96 bits (request ids), 128, or 256 (thumbprints) in base64url. What consists of words is a flag that was misspelt. */
function isHyphenedId(arg: string): boolean {
  return /^-(?:[A-Za-z0-9_-]{15}|[A-Za-z0-9_-]{21}|[A-Za-z0-9_-]{42})$/.test(arg) && !/^--[a-z][a-z-]*$/.test(arg)
}

function flagsWithValue(command: Command): string[] {
  return [
    ...command.options.flatMap(({ long, required }) => (long && required ? [long] : [])),
    ...command.commands.flatMap(flagsWithValue),
  ]
}
