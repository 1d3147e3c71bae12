import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Log } from '../log.ts'

/** The files of a certificate with its chain, and of its private key, in PEM. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A certificate and a private key that belong together. */
interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/** The files cannot be used. The message says why, and never contains anything of the key. */
export class TlsFilesFault extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TlsFilesFault'
  }
}

/**
 * The protocols and cipher suites, as BCP 195 recommends. Everything that is not about the certificate, because a new certificate is set together with them.
 */
export const tlsRules = {
  // RFC 9325 §3.1.1: no TLS 1.0 and 1.1. Clients that know TLS 1.3 get it.
  minVersion: 'TLSv1.2',
  // RFC 9325 §4.2: for TLS 1.2 exactly these four, with forward secrecy and without CBC. The suites of TLS 1.3 are those of the library, all of which are good.
  ciphers: [
    ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ].join(':'),
  // The server's order, except that a phone without AES in hardware gets ChaCha20 if it puts that first. RFC 9325 §3.5: no renegotiation, which TLS 1.2 still has.
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA | constants.SSL_OP_NO_RENEGOTIATION,
} as const

/**
 * Reads the files for a start.
 *
 * @throws TlsFilesFault
 */
export function readTlsFiles(files: TlsFiles): TlsPair {
  return checkedPair(files, {
    cert: readable(() => readFileSync(files.certFile)),
    key: readable(() => readFileSync(files.keyFile)),
  })
}

/** Milliseconds. Long enough to cost nothing, and short beside the days for which a renewed certificate and the one before it are both valid. */
const checkInterval = 10_000

/** Calls a function again and again until it is stopped. Does not keep the process alive. */
export type Repeat = (work: () => Promise<void>) => () => void

const everyInterval: Repeat = (work) => {
  const timer = setInterval(work, checkInterval).unref()
  return () => clearInterval(timer)
}

/**
 * Uses a new certificate soon after its files have replaced the ones before, without a restart. Connections that are open continue with the certificate that they
 * began with.
 *
 * The files are read every ten seconds and compared, rather than watched: notifications are lost on network file systems and where Kubernetes switches a link to
 * another folder. Certificate and key are two files that cannot be replaced at one moment, and a file may be read while it is written. So they are used when two
 * reads in a row have found the same, and only if they belong together. Until then the pair in use stays.
 *
 * @param inUse the pair that the servers were created with
 * @param servers every server that uses the pair; read at each change
 * @returns a function that ends it
 */
export function reloadTlsFiles(
  files: TlsFiles,
  inUse: TlsPair,
  servers: Iterable<Pick<Server, 'setSecureContext'>>,
  log: Pick<Log, 'info' | 'warn'>,
  repeat: Repeat = everyInterval,
): () => void {
  let current = inUse
  let before: TlsPair | TlsFilesFault = inUse
  let hasWarned = false
  let isChecking = false
  const check = async () => {
    const found = await readPair(files)
    const isStable = isSame(found, before)
    before = found
    if (!isStable) return
    try {
      if (found instanceof TlsFilesFault) throw found
      if (!isSame(found, current)) {
        const next = checkedPair(files, found)
        for (const server of servers) server.setSecureContext({ ...tlsRules, ...next })
        current = next
        const { validTo, subjectAltName, fingerprint256 } = new X509Certificate(next.cert)
        log.info({ validTo, names: subjectAltName, fingerprint256 }, 'A new TLS certificate is in use.')
      }
      hasWarned = false
    } catch (err) {
      if (!hasWarned)
        log.warn({ err }, 'The files of the TLS certificate cannot be used. The previous certificate stays in use.')
      hasWarned = true
    }
  }
  return repeat(async () => {
    // A file system that hangs must not pile up reads.
    if (isChecking) return
    isChecking = true
    await check()
    isChecking = false
  })
}

async function readPair({ certFile, keyFile }: TlsFiles): Promise<TlsPair | TlsFilesFault> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
    return { cert, key }
  } catch (error) {
    return faultOf(error)
  }
}

/** Faults are all the same: they are reported once. */
function isSame(one: TlsPair | TlsFilesFault, other: TlsPair | TlsFilesFault): boolean {
  if (one instanceof TlsFilesFault || other instanceof TlsFilesFault)
    return one instanceof TlsFilesFault && other instanceof TlsFilesFault
  return one.cert.equals(other.cert) && one.key.equals(other.key)
}

/** @throws TlsFilesFault if they do not belong together, or OpenSSL refuses one of them, such as a key that is too short */
function checkedPair({ certFile, keyFile }: TlsFiles, pair: TlsPair): TlsPair {
  const certificate = usable(certFile, () => new X509Certificate(pair.cert))
  const key = usable(keyFile, () => createPrivateKey(pair.key))
  if (!certificate.checkPrivateKey(key))
    throw new TlsFilesFault(`The key in ${keyFile} is not that of the certificate in ${certFile}.`)
  usable(certFile, () => createSecureContext({ ...tlsRules, ...pair }))
  return pair
}

function usable<T>(file: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new TlsFilesFault(`${file} cannot be used: ${reasonOf(cause)}.`, { cause })
  }
}

function readable(read: () => Buffer): Buffer {
  try {
    return read()
  } catch (error) {
    throw faultOf(error)
  }
}

function faultOf(error: unknown): TlsFilesFault {
  const { path } = error as NodeJS.ErrnoException
  return new TlsFilesFault(`${path ?? 'A file'} cannot be read: ${reasonOf(error)}.`, { cause: error })
}

/** The library's own words, which name its function and never the content. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'this user may not read it' : message
}
