import type { Settings } from '../platform/config/settings.ts'
import type { PasswordFault } from '../records/accounts/password-rules.ts'
import { WrongUsage } from './command-failures.ts'
import type { Terminal } from './terminal.ts'
import { stopIfAsked } from './with-signet.ts'

/** Octets. The longest password that the rules allow is shorter in any script. */
const mostOctets = 4096

/**
 * Reads a password from standard input, to its end. One line feed at the end is not part of it: `echo` and files have one.
 * Never from a flag, which every user of the machine could read in the list of processes, and never typed, which would show it.
 *
 * @throws WrongUsage where there is none, or it cannot be one
 */
export async function readPassword(terminal: Terminal): Promise<string> {
  const { input, asked } = terminal
  if (input.isTTY)
    throw new WrongUsage(
      `--password-stdin takes the password from a pipe or a file: printf '%s' "$PASSWORD" | signet users ...`,
    )
  const bytes = await readToEnd(input, asked, mostOctets)
  stopIfAsked(terminal)
  if (bytes.length > mostOctets)
    throw new WrongUsage(`The password on standard input is longer than ${mostOctets} octets.`)
  const password = decode(bytes).replace(/\r?\n$/, '')
  if (password === '') throw new WrongUsage('There is no password on standard input.')
  // What a password field of a browser cannot hold.
  if (/[\0\r\n]/.test(password)) throw new WrongUsage('The password on standard input has more than one line.')
  return password
}

/** The rules refuse the password. */
export function passwordRefused(
  fault: PasswordFault,
  { passwordMinLength }: Pick<Settings, 'passwordMinLength'>,
): WrongUsage {
  return new WrongUsage(sentences(passwordMinLength)[fault])
}

function sentences(minLength: number): Record<PasswordFault, string> {
  return {
    password_too_short: `The password has fewer than ${minLength} characters (SIGNET_PASSWORD_MIN_LENGTH).`,
    password_too_long: 'The password is too long: 256 characters at the most.',
    password_personal:
      "The password is the person's name, user name or e-mail address, perhaps repeated or with digits added; choose another.",
    password_service:
      'The password is the name or address of this service, perhaps repeated or with digits added; choose another.',
    password_pattern: 'The password repeats a short pattern; choose another.',
    password_common:
      'The password is one of the first that attackers try, perhaps repeated or with digits added; choose another.',
  }
}

/** Stops early at too much, and when the person asks for the end: nobody may ever write to a pipe. */
export function readToEnd(input: Terminal['input'], asked: AbortSignal, mostOctets: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let octets = 0
    const finish = () => {
      input.removeAllListeners('data').pause()
      asked.removeEventListener('abort', finish)
      resolve(Buffer.concat(chunks))
    }
    input.on('data', (chunk: Buffer | string) => {
      chunks.push(Buffer.from(chunk))
      octets += chunk.length
      if (octets > mostOctets) finish()
    })
    // An input that was closed before we began (`<&-`) is one without a password.
    input.once('end', finish).on('error', finish).once('close', finish)
    asked.addEventListener('abort', finish)
    if (asked.aborted || !input.readable) finish()
  })
}

/** Bytes that are not UTF-8 would become other characters, and the person could never type them again. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new WrongUsage('The password on standard input is not UTF-8.')
  }
}
