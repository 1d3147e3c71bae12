/** The environment of a command: everything it reads and writes goes through here. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The folder of `.env`, and the base of relative paths. */
  readonly folder: string
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly writeOut: (text: string) => void
  readonly writeError: (text: string) => void
  /** Whether standard error is a terminal, so that a person is likely to read it. */
  readonly errorIsTTY?: boolean | undefined
  /** Aborted when the process must stop, because of Ctrl-C or another signal. */
  readonly stopSignal: AbortSignal
  /** Waits this many milliseconds, or until the next signal. */
  readonly linger: (milliseconds: number) => Promise<void>
}

/**
 * Makes control characters visible, except for line feeds. Names come from strangers (sign-up, registration), and a terminal
 * interprets what they contain: an escape sequence can hide a line, and a bidirectional control can reverse one.
 */
export function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu, escaped)
}

/**
 * Makes every character visible that a reader would not see or could take for another kind of blank: also zero-width characters, tags, unusual
 * spaces, and code points without a meaning. For texts that come from a request. Names need some of these characters (`visible`): Persian has
 * zero-width non-joiners, and emoji have joiners.
 */
export function entirelyVisible(text: string): string {
  return text.replace(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu, (character) =>
    character === ' ' ? character : escaped(character),
  )
}

/** JSON with the same characters escaped: `JSON.stringify` escapes only those below U+0020. The value is the same for a program. */
export function visibleJson(value: unknown, indent = 2): string {
  return visibleInJson(JSON.stringify(value, undefined, indent))
}

/** Escapes the same characters in JSON, or in a piece of it. The value is the same for a program. */
export function visibleInJson(json: string): string {
  return json.replace(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu, (character) =>
    /[ \n]/.test(character) ? character : escaped(character),
  )
}

/** As in JSON: a character above U+FFFF as two surrogates. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')
}
