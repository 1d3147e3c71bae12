import type {} from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../errors/oauth-error.ts'
import { type CsrfContext, refuseForeignForm } from './csrf.ts'

/** A form with a file (`multipart/form-data`, RFC 7578). */
export interface Upload {
  readonly values: ReadonlyMap<string, string>
  /** Undefined: the person chose none. */
  readonly file: Buffer | FileFault | undefined
}

/** Why a file was not taken: it is larger than allowed, or there were several. */
export type FileFault = 'file_too_large' | 'several_files'

export function isFileFault(file: Upload['file']): file is FileFault {
  return typeof file === 'string'
}

/** For the parts that are not the file: a few hidden fields. Sizes are in bytes. */
const limits = { files: 1, fields: 10, parts: 12, fieldNameSize: 100, fieldSize: 2_000, headerPairs: 20 }
/** Bytes of a body that are not the file. */
const maxOverhead = 32 * 1024

/**
 * Reads a form with a file that was submitted from one of our own pages, as `csrfCheckedForm` does for others. The route needs `@fastify/multipart`.
 *
 * @param fileField the name of the field for the file
 * @param maxBytes of the file. More is not kept, and not even read if the request says at the beginning how much it is
 * @throws OAuthError if the form came from another site, is no such form, or cannot be read. If a value was sent twice, neither is chosen
 */
export async function csrfCheckedUpload(
  context: CsrfContext,
  request: FastifyRequest,
  fileField: string,
  maxBytes: number,
): Promise<Upload> {
  if (!request.isMultipart()) throw new OAuthError('body_type_unsupported')
  const values = new Map<string, string>()
  const file = await readParts(request, values, fileField, maxBytes)
  // If a file was not taken, the token may not have been read either. Then nothing is done but to show the page again.
  if (!isFileFault(file)) await refuseForeignForm(context, request, values.get('csrf'))
  return { values, file }
}

/** @param values gets the values of the other fields */
async function readParts(
  request: FastifyRequest,
  values: Map<string, string>,
  fileField: string,
  maxBytes: number,
): Promise<Upload['file']> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + maxOverhead) return 'file_too_large'
  let file: Buffer | undefined
  try {
    for await (const part of request.parts({ limits: { ...limits, fileSize: maxBytes } }))
      if (part.type === 'field') {
        const { fieldname, value, valueTruncated } = part
        if (typeof value !== 'string' || valueTruncated || values.has(fieldname)) throw unreadable(fieldname)
        values.set(fieldname, value)
      } else {
        const bytes = await part.toBuffer()
        // A browser sends an empty file if the person has chosen none.
        if (part.fieldname === fileField && bytes.length > 0) file = bytes
      }
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    if (code === 'FST_REQ_FILE_TOO_LARGE') return 'file_too_large'
    if (code === 'FST_FILES_LIMIT') return 'several_files'
    throw error instanceof OAuthError ? error : unreadable(String(code))
  }
  return file
}

/** @param what for the operator */
function unreadable(what: string): OAuthError {
  return new OAuthError('request_unreadable', { status: 400, detail: `multipart/form-data: ${what.slice(0, 40)}` })
}
