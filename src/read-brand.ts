import { accentColours } from './html/accent-colour.ts'
import { type Brand, createBrand } from './html/brand.ts'
import { ImageFileFault, readImageFile } from './platform/config/image-file.ts'
import { type Settings, SettingsError } from './platform/config/settings.ts'
import type { Log } from './platform/log.ts'

/**
 * Reads the logo and prepares what pages show of the installation. Only servers do this: a missing logo must not keep a command from
 * revoking a key.
 *
 * @throws SettingsError if the logo cannot be used
 */
export async function readBrand(settings: Settings, log: Pick<Log, 'info'>): Promise<Brand> {
  const { logo, accentColor } = settings
  if (accentColor) reportShades(accentColor, log)
  if (logo === undefined) return createBrand(settings)
  try {
    return createBrand(settings, await readImageFile(logo))
  } catch (error) {
    if (!(error instanceof ImageFileFault)) throw error
    throw new SettingsError([`SIGNET_LOGO: ${logo} cannot be used: ${error.message}.`])
  }
}

/** So that nobody wonders why a link does not have exactly the colour of the setting. */
function reportShades(colour: string, log: Pick<Log, 'info'>): void {
  for (const scheme of ['light', 'dark'] as const) {
    const { accent } = accentColours(colour, scheme)
    if (accent !== colour)
      log.info(
        {},
        `SIGNET_ACCENT_COLOR ${colour} has too little contrast for text in the ${scheme} scheme: links and edges are ${accent}.`,
      )
  }
}
