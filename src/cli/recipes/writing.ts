/** Text in the target format already, inserted as it is. Everything else that is inserted becomes a quoted value. */
export interface Code {
  readonly code: string
}

/** `undefined` removes the line on which it stands. */
type Inserted = string | Code | undefined

/**
 * A template whose inserted values are quoted for its format, so that none can end its quotes. The indentation of the source is removed.
 */
export type Writer = (strings: TemplateStringsArray, ...values: readonly Inserted[]) => string

/** Whether a value needs no quotes in a shell, in `.env` and in an INI file. */
const plain = /^[\w.:/@+,-][\w.:/@+,=-]*$/
const lineBreak = /[\n\r\u2028\u2029]/

const marks = /\ue000(\d+)\ue000/g

function writer(quote: (value: string) => string): Writer {
  return (strings, ...values) => {
    const marked = strings.map((part, index) => part + (index < values.length ? `\ue000${index}\ue000` : '')).join('')
    const lines = withoutIndentation(marked).split('\n')
    const kept = lines.filter((line) =>
      [...line.matchAll(marks)].every(([, index]) => values[Number(index)] !== undefined),
    )
    return kept.join('\n').replace(marks, (_, index) => {
      const value = values[Number(index)] ?? ''
      return typeof value === 'string' ? quote(value) : value.code
    })
  }
}

function withoutIndentation(text: string): string {
  const lines = text
    .split('\n')
    .filter((line, index, all) => line.trim() !== '' || (index > 0 && index < all.length - 1))
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(indent)).join('\n')
}

/** `JSON.stringify` also escapes the line separators here, which end a line in some languages. */
function jsonText(value: string): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

const quotes = {
  javascript: (value: string) => `'${jsonText(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`,
  /** Strings that are written as in JSON, and in which nothing else is special: Python, Go, Java, C#, YAML, TOML. */
  json: jsonText,
  /** Rust has no `\b` and `\f`, and its `\u` has braces. */
  rust: (value: string) =>
    jsonText(value)
      .replace(/(?<!\\)((?:\\\\)*)\\u([0-9a-f]{4})/g, '$1\\u{$2}')
      .replace(/(?<!\\)((?:\\\\)*)\\b/g, '$1\\u{8}')
      .replace(/(?<!\\)((?:\\\\)*)\\f/g, '$1\\u{c}'),
  /** `#{…}`, `#@…` and `#$…` are evaluated in Ruby's double quotes. */
  ruby: (value: string) => jsonText(value).replaceAll('#', '\\#'),
  /** Lua 5.1 has no `\u`: control characters are written in decimal. */
  lua: (value: string) =>
    `"${value.replace(/[\\"\p{Cc}]/gu, (character) =>
      /[\\"]/.test(character) ? `\\${character}` : `\\${String(character.charCodeAt(0)).padStart(3, '0')}`,
    )}"`,
  /** Spring and Quarkus replace `${…}` in values, unless it is escaped. */
  springYaml: (value: string) => jsonText(value.replaceAll('${', '\\${')),
  /** `java.util.Properties`: a backslash escapes, a leading space is lost, and the file may be read as ISO 8859-1. */
  properties: (value: string) =>
    value
      .replaceAll('${', '\\${')
      .replaceAll('\\', '\\\\')
      .replace(/^ /, '\\ ')
      .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  shell: (value: string) => (plain.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`),
  /**
   * `.env`: everything is literal between single quotes for all programs that read such files. A value that has a single quote itself goes
   * between double quotes, in which programs differ about `\`, `$` and `` ` ``.
   */
  dotenv: (value: string) => {
    if (plain.test(value)) return value
    if (!/['\r]/.test(value)) return `'${value}'`
    if (/["\\$`\n\r]/.test(value)) throw new CannotBeWritten(value, 'an .env file')
    return `"${value}"`
  },
  /** Go's INI files, as Grafana reads them: `;` and `#` begin a comment, and `$` and `%` refer to other values. */
  ini: (value: string) => {
    if (plain.test(value)) return value
    if (/[`$%]/.test(value) || lineBreak.test(value)) throw new CannotBeWritten(value, 'an INI file')
    return `\`${value}\``
  },
  /** Apache replaces `${…}`, and cannot escape it. */
  apache: (value: string) => {
    if (value.includes('${') || lineBreak.test(value)) throw new CannotBeWritten(value, "Apache's configuration")
    return `"${value.replace(/[\\"]/g, '\\$&')}"`
  },
  /** nginx replaces `$name`, and cannot escape it. */
  nginx: (value: string) => {
    if (value.includes('$') || lineBreak.test(value)) throw new CannotBeWritten(value, "nginx's configuration")
    return `"${value.replace(/[\\"]/g, '\\$&')}"`
  },
} satisfies Record<string, (value: string) => string>

/** A format has no way to write this value. */
export class CannotBeWritten extends Error {
  constructor(value: string, format: string) {
    super(
      `The value ${JSON.stringify(value.slice(0, 80))} cannot be written in ${format}: it has characters that would be read as something else.`,
    )
    this.name = 'CannotBeWritten'
  }
}

export type Format = keyof typeof quotes

const writers = Object.fromEntries(Object.entries(quotes).map(([format, quote]) => [format, writer(quote)])) as Record<
  Format,
  Writer
>

/** A template for each format. */
export const { javascript, json, rust, ruby, lua, springYaml, properties, shell, dotenv, ini, apache, nginx } = writers

/** One value, quoted for a format. */
export function quoted(format: Format, value: string): string {
  return quotes[format](value)
}

/** Text that is inserted as it is. */
export function code(text: string): Code {
  return { code: text }
}

/** The same if a condition holds; otherwise its line is removed. */
export function codeIf(condition: unknown, text: string): Code | undefined {
  return condition ? { code: text } : undefined
}

/** Quoted values between separators: `'openid', 'profile'`. */
export function listOf(format: Format, values: readonly string[], separator = ', '): Code {
  return { code: values.map((value) => quotes[format](value)).join(separator) }
}
