import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** A place in the sources that names a specification. */
export interface Citation {
  readonly name: string
  readonly file: string
}

/** Names that are recognised wherever they stand, with or without a section. */
const names = [
  /\bRFC \d{4,5}(?:bis)?/g,
  /\bBCP \d+/g,
  /\bdraft-(?:ietf|parecki|jones)-[a-z0-9-]*[a-z]/g,
  /\bNIST SP \d{3}-\d+[A-Z]?(?:-\d)?/g,
  /\bFIPS \d+-\d/g,
  /\bFAPI \d\.\d (?:Security Profile|Message Signing)/g,
  /\bISO(?:\/IEC)? \d{4,5}(?:-\d)?/g,
  /\bU(?:TS|AX) \d+/g,
  /\bE\.164\b/g,
  /\bOWASP\b/g,
  /\bWCAG 2\.\d/g,
  /\bOAuth 2\.0 (?:Multiple Response Type Encoding Practices|Form Post Response Mode)/g,
  /\bOpenID Connect [A-Z][\w-]*(?: [A-Z][\w-]*)*/g,
]

/** What a comment continues with, where the name of the specification stood before: "RFC 6749 §4.1.2, §5.2", "see §3", "(§2)". */
const continues = /(?:^|[,;:.(]|\b(?:and|or|as|of|in|to|by|than|with|also|see|those of))$/

const commentMark = /^\s*(?:\/\*\*?|\*(?!\/)|\/\/|--)\s*/

/** A text in which each comment is one line, without the marks that begin its lines. */
function withJoinedComments(source: string): string {
  let previous = ''
  return source
    .split('\n')
    .map((line) => {
      const isContinued = commentMark.test(line) && commentMark.test(previous)
      previous = line
      return `${isContinued ? ' ' : '\n'}${line.replace(commentMark, '')}`
    })
    .join('')
}

/** The words before a section sign, as far as they can belong to a name. Undefined if the name was given before. */
function nameBefore(text: string, end: number): string | undefined {
  const before = text.slice(text.lastIndexOf('\n', end) + 1, end).trimEnd()
  return continues.test(before) || /(?:\/\/|\/\*\*?|--)$/.test(before) ? undefined : before
}

/**
 * Every specification that a text names.
 *
 * @param known the names that have a row. A section sign after something else is reported as it stands
 */
export function citationsIn(source: string, known: readonly string[]): string[] {
  const text = withJoinedComments(source)
  const found = names.flatMap((name) => [...text.matchAll(name)].map(([match]) => match))
  for (const { index } of text.matchAll(/§\d/g)) {
    const before = nameBefore(text, index)
    if (before === undefined) continue
    found.push(
      known.find((name) => before === name || before.endsWith(` ${name}`) || before.endsWith(`(${name}`)) ??
        before.slice(-40),
    )
  }
  return found
}

/** Every specification that the sources name: the server, the packages, the scripts of pages, and the migrations. */
export function citedSpecifications(known: readonly string[]): Citation[] {
  return ['src', 'packages', 'public', 'sql'].flatMap((folder) =>
    readdirSync(join(packageFolder, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:tsx?|js|css|sql)$/.test(file) && !/(?:^|\/)(?:node_modules|dist)\//.test(file))
      .flatMap((file) =>
        citationsIn(readFileSync(join(packageFolder, folder, file), 'utf8'), known).map((name) => ({
          name,
          file: `${folder}/${file}`,
        })),
      ),
  )
}
