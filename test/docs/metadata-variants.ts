import { metadata } from '../../src/endpoints/discovery/metadata.ts'
import { readSettings } from '../../src/platform/config/settings.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'

/** A metadata document: arrays of strings, strings and booleans. */
export type Document = Readonly<Record<string, string | boolean | readonly string[]>>

function documentWith(environment: Readonly<Record<string, string>>): Document {
  return metadata(readSettings({ SIGNET_ISSUER: 'https://id.example', ...environment }, '/nowhere'), signingAlgorithms)
}

/** The settings that change the document, each with a value other than its default. */
const switches: Readonly<Record<string, string>> = {
  SIGNET_REGISTRATION: 'open',
  SIGNET_CLIENT_ID_METADATA_HOSTS: '*',
  SIGNET_LEGACY_RESPONSE_TYPES: 'on',
  SIGNET_SIGN_UP: 'closed',
}

/** The document with the defaults. */
export const defaultDocument = documentWith({})

/** Documents with one setting changed. */
export const variants = [
  ...Object.entries(switches).map(([setting, value]) => ({
    setting: `${setting}=${value}`,
    document: documentWith({ [setting]: value }),
  })),
  // A passkey needs a host name, so an address cannot offer the class that needs one.
  { setting: 'SIGNET_ISSUER=https://192.0.2.1', document: documentWith({ SIGNET_ISSUER: 'https://192.0.2.1' }) },
]

/** The document with everything turned on. */
export const fullDocument = documentWith({ ...switches, SIGNET_SIGN_UP: 'open' })

const written = (values: readonly string[]) => values.map((value) => `\`${value}\``).join(' ')
const listed = (value: Document[string] | undefined) => (value === undefined ? [] : [value].flat().map(String))

/** What the values of a member are with another setting. Undefined if they are the same. */
function difference(member: string, { setting, document }: (typeof variants)[number]): string | undefined {
  // The addresses of the variant with another issuer differ, and that says nothing.
  const values = listed(document[member]).map((value) => value.replace('https://192.0.2.1', 'https://id.example'))
  const before = listed(defaultDocument[member])
  const more = values.filter((value) => !before.includes(value))
  const fewer = before.filter((value) => !values.includes(value))
  if (more.length === 0 && fewer.length === 0) return undefined
  const also = before.length > 0 ? 'also ' : ''
  const changes = [more.length > 0 && `${also}${written(more)}`, fewer.length > 0 && `not ${written(fewer)}`]
  return `\`${setting}\`: ${changes.filter(Boolean).join(', ')}`
}

/** The last table of docs/standards.md: every member with its values, by default and with the settings that change them. */
export function metadataTable(): string {
  const rows = Object.keys(fullDocument).map((member) => [
    `\`${member}\``,
    written(listed(defaultDocument[member])),
    variants.flatMap((variant) => difference(member, variant) ?? []).join('<br>'),
  ])
  return [['member', 'by default', 'with other settings'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`.replaceAll(/ {2,}\|/g, ' |'))
    .join('\n')
}
