import { germanInspectMessages } from './inspect-messages-de.ts'
import { englishInspectMessages, type InspectMessages } from './inspect-messages-en.ts'

/** The messages of the token inspector by language. They are kept here because no other page needs them. */
export const inspectMessages: ReadonlyMap<string, InspectMessages> = new Map<string, InspectMessages>([
  ['en', englishInspectMessages],
  ['de', germanInspectMessages],
])
