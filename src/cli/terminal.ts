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

/** JSON with the same characters escaped: `JSON.stringify` does not escape those above U+007E. */
export function visibleJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, undefined, indent).replace(/[\u007f-\u009f\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
