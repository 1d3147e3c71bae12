import type { Device } from '../platform/http/device.ts'
import { fillText } from './messages/messages.ts'

export interface DeviceTexts {
  /** With `{browser}` and `{system}`. */
  readonly browserOnSystem: string
  readonly unknownDevice: string
}

/** "Firefox on Windows", or what is known of that. */
export function deviceInWords({ browserOnSystem, unknownDevice }: DeviceTexts, { browser, system }: Device): string {
  if (browser !== undefined && system !== undefined) return fillText(browserOnSystem, { browser, system })
  return browser ?? system ?? unknownDevice
}
