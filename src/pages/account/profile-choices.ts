import type { Choice } from '../../html/form-fields.tsx'
import { uiLocales } from '../../html/messages/choose-messages.ts'
import type { Messages } from '../../html/messages/messages.ts'

/**
 * The languages that the pages have, each by its own name, and the one in the profile. Another program may have set that to any tag, for example
 * `de-CH`.
 */
export function languageChoices(messages: Messages, stored: string | undefined): Choice[] {
  const tags = stored === undefined || uiLocales.includes(stored) ? uiLocales : [stored, ...uiLocales]
  return [
    { value: '', label: messages.account.notGiven },
    ...tags.map((value) => ({ value, label: languageName(value), lang: value.replaceAll('_', '-') })),
  ]
}

/** The name of a language in that language, otherwise the tag. */
function languageName(tag: string): string {
  try {
    const language = tag.replaceAll('_', '-')
    return new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? tag
  } catch {
    return tag
  }
}

export interface ZoneChoices {
  /** Without a region. */
  readonly choices: readonly Choice[]
  readonly groups: readonly { readonly label: string; readonly choices: readonly Choice[] }[]
}

/** The time zones that this Node.js knows, by region, and the one in the profile, which may be an older or a newer name. */
export function zoneChoices(messages: Messages, stored: string | undefined): ZoneChoices {
  const { account, regions } = messages
  const zones = zonesByRegion()
  const isListed = stored === undefined || stored === universal || [...zones.values()].flat().includes(stored)
  return {
    choices: [
      { value: '', label: account.notGiven },
      ...(isListed ? [] : [{ value: stored, label: stored }]),
      { value: universal, label: universal },
    ],
    groups: regionNames.map((region) => ({
      label: regions[region],
      choices: (zones.get(region) ?? []).map((value) => ({ value, label: placeOf(value) })),
    })),
  }
}

/** In the order of the list. Whatever else the database has is no place, such as `Etc/GMT+1`. */
const regionNames = [
  ...(['Africa', 'America', 'Antarctica', 'Arctic', 'Asia', 'Atlantic', 'Australia', 'Europe', 'Indian'] as const),
  'Pacific',
] as const

/** Intl does not list it. */
const universal = 'UTC'

let known: ReadonlyMap<string, readonly string[]> | undefined

function zonesByRegion(): ReadonlyMap<string, readonly string[]> {
  if (known) return known
  const byRegion = new Map<string, string[]>()
  for (const name of Intl.supportedValuesOf('timeZone')) {
    const region = name.slice(0, name.indexOf('/'))
    const names = byRegion.get(region)
    if (names) names.push(name)
    else byRegion.set(region, [name])
  }
  known = byRegion
  return known
}

/** Places that the database has renamed. Node.js lists them by their previous names, which every application knows. */
const renamed: Readonly<Record<string, string>> = {
  'Africa/Asmera': 'Asmara',
  'America/Godthab': 'Nuuk',
  'Asia/Calcutta': 'Kolkata',
  'Asia/Katmandu': 'Kathmandu',
  'Asia/Rangoon': 'Yangon',
  'Asia/Saigon': 'Ho Chi Minh',
  'Europe/Kiev': 'Kyiv',
}

/** `Argentina, Buenos Aires` */
function placeOf(zone: string): string {
  const place = renamed[zone] ?? zone.slice(zone.indexOf('/') + 1)
  return place.replaceAll('/', ', ').replaceAll('_', ' ')
}
