import { declarations } from '../../../src/platform/config/declaration.ts'
import type { Setting } from '../../../src/platform/config/setting-kinds.ts'

/** The table of docs/settings.md, generated from the declaration. */
export function settingsTable(): string {
  const rows = Object.entries<Setting<unknown>>(declarations).map(([name, setting]) => [
    setting.secret ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``,
    setting.default === undefined ? (setting.defaultInWords ?? 'none') : `\`${setting.default}\``,
    setting.accepts,
    setting.about,
  ])
  const lines = [['setting', 'default', 'accepts', ''], ['---', '---', '---', '---'], ...rows]
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.trimEnd())
    .join('\n')
}
