/** What a command is handed of the world: everything it reads and writes goes through here. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where `.env` lies and where relative paths start. */
  readonly folder: string
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly writeOut: (text: string) => void
  readonly writeError: (text: string) => void
  /** Whether a person is likely to read what is written to standard error. */
  readonly errorIsTTY?: boolean | undefined
  /** Aborted when the person, or the system, asks the process to end. */
  readonly asked: AbortSignal
  /** Waits so many milliseconds, or until the end is asked for once more. */
  readonly linger: (milliseconds: number) => Promise<void>
}

/**
 * A text with its control characters made visible, line feeds apart. Names come from strangers (sign-up, registration), and a
 * terminal obeys what is in them: an escape sequence can hide a line, a change of direction can turn one.
 */
export function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu, escaped)
}

/** JSON with the same characters as escapes: `JSON.stringify` leaves those above U+007E as they are. */
export function visibleJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, undefined, indent).replace(/[\u007f-\u009f\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
