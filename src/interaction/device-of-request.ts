import type { FastifyRequest } from 'fastify'
import { deviceInWords } from '../html/device-in-words.ts'
import { deviceReader } from '../platform/http/device.ts'
import { callerOf } from '../platform/http/request-context.ts'
import { pageContextOf } from '../protocol/http/ui-locales.ts'

/** The browser of a request in words, such as "Firefox on Windows", for the name of a passkey that does not tell what keeps it. */
export async function deviceOf(request: FastifyRequest): Promise<string> {
  const read = await deviceReader()
  return deviceInWords(pageContextOf(request).messages.devices, read(callerOf(request).userAgent))
}
