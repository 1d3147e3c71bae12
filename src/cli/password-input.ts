import type { RefusedPassword } from '../operations/new-password.ts'
import type { PasswordFault } from '../records/accounts/password-rules.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import type { Terminal } from './terminal.ts'
import { stopIfInterrupted } from './with-signet.ts'

/** Bytes. The longest password that the rules allow is shorter in any script. */
const maxBytes = 4096

/**
 * Reads a password from standard input, up to its end. One line feed at the end is not part of it, because `echo` and files add one.
 * There is no flag for the password, because every user of the machine can read the list of processes. It cannot be typed either,
 * because the terminal would show it.
 *
 * @throws WrongUsage if there is no password, or it has more than one line, is too long or is not UTF-8
 */
export async function readPassword(terminal: Terminal): Promise<string> {
  const { input, stopSignal } = terminal
  if (input.isTTY)
    throw new WrongUsage(`The password must come from a pipe or a file: printf '%s' "$PASSWORD" | signet users ...`)
  const bytes = await readToEnd(input, stopSignal, maxBytes)
  stopIfInterrupted(terminal)
  if (bytes.length > maxBytes) throw new WrongUsage(`The password on standard input is longer than ${maxBytes} bytes.`)
  const password = decode(bytes).replace(/\r?\n$/, '')
  if (password === '') throw new WrongUsage('There is no password on standard input.')
  // A password field of a browser cannot contain these.
  if (/[\0\r\n]/.test(password)) throw new WrongUsage('The password on standard input has more than one line.')
  return password
}

/** The error for a password that the rules refuse. */
export function passwordRefused({ fault, minLength }: RefusedPassword): WrongUsage {
  return new WrongUsage(passwordMessages(minLength)[fault])
}

/** The error for a password in an installation in which nobody signs in with one. */
export function passwordsOff(instead: string): CommandFailed {
  return new CommandFailed(`Nobody signs in with a password here: SIGNET_PASSWORDS is off. ${instead}`)
}

function passwordMessages(minLength: number): Record<PasswordFault, string> {
  return {
    password_too_short: `The password has fewer than ${minLength} characters (SIGNET_PASSWORD_MIN_LENGTH).`,
    password_too_long: 'The password is too long: the maximum is 256 characters.',
    password_personal:
      "The password is the user's name, user name or e-mail address, possibly repeated or with digits added. Choose another.",
    password_service:
      'The password is the name or address of this service, possibly repeated or with digits added. Choose another.',
    password_pattern: 'The password repeats a short pattern. Choose another.',
    password_common:
      'The password is one of the first that attackers try, possibly repeated or with digits added. Choose another.',
    password_breached:
      'The password appears in a collection of stolen passwords (SIGNET_BREACHED_PASSWORDS_URL). Choose another.',
  }
}

/** Reads to the end of the input, but stops after `maxBytes` and on Ctrl-C: nobody may ever write to the pipe. */
export function readToEnd(input: Terminal['input'], stopSignal: AbortSignal, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const finish = () => {
      input.removeAllListeners('data').pause()
      stopSignal.removeEventListener('abort', finish)
      resolve(Buffer.concat(chunks))
    }
    input.on('data', (chunk: Buffer | string) => {
      chunks.push(Buffer.from(chunk))
      length += chunk.length
      if (length > maxBytes) finish()
    })
    // An input that was closed from the start (`<&-`) has no password.
    input.once('end', finish).on('error', finish).once('close', finish)
    stopSignal.addEventListener('abort', finish)
    if (stopSignal.aborted || !input.readable) finish()
  })
}

/** Bytes that are not UTF-8 would be decoded to replacement characters, which nobody can type at sign-in. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new WrongUsage('The password on standard input is not UTF-8.')
  }
}
