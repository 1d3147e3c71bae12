import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AddressObject, simpleParser } from 'mailparser'
import pg from 'pg'
import { jobsSchemaOf } from '../../src/platform/database/job-schema.ts'
import { eventually } from './eventually.ts'
import type { Idp } from './idp.ts'

/** A mail as it arrives. */
export interface ReceivedMail {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The first link to the issuer. */
  readonly link: string | undefined
  /** The six digits. */
  readonly code: string | undefined
}

type Node = Pick<Idp, 'signet'>

/**
 * All mails that were sent to an address until now, oldest first. It first waits until nothing is left to do for the jobs of the installation:
 * whatever requests that have been answered have caused is then there. So no mail means that none was sent, however long that takes.
 *
 * @param idp an installation that writes mails to files: one on loopback, without SMTP
 */
export async function mailsTo(idp: Node, address: string): Promise<ReceivedMail[]> {
  await jobsAreDone(idp)
  return (await allMails(idp)).filter(({ to }) => to === address)
}

/** The subjects of the mail about a sign-in in a new browser, in each language. */
const aboutSignIn = /new browser|in einem neuen Browser/

/**
 * The newest mail that was sent to an address until now, except those about a sign-in in a new browser: every sign-in of a test causes one, and as nobody
 * waits for it, it may be sent after mails that were queued later.
 *
 * @throws if there is none
 */
export async function newestMailTo(idp: Node, address: string): Promise<ReceivedMail> {
  const newest = (await mailsTo(idp, address)).findLast(({ subject }) => !aboutSignIn.test(subject))
  if (!newest) throw new Error(`No mail was sent to ${address}.`)
  return newest
}

/** Waits until every job has been done or given up, with those that it has added. */
export async function jobsAreDone({ signet }: Node): Promise<void> {
  const jobs = `${pg.escapeIdentifier(jobsSchemaOf(signet.settings.databaseSchema))}.jobs`
  // Those with `run_at` in the future are planned for later, unless they are waiting for their next attempt.
  const text = `SELECT task_identifier, attempts, last_error FROM ${jobs}
     WHERE attempts < max_attempts AND (attempts > 0 OR run_at <= now())`
  await eventually(
    'all jobs to be done',
    async () => (await signet.database.query<{ task_identifier: string }>({ text })).rows,
    (rows) => rows.length === 0,
  )
}

async function allMails({ signet }: Node): Promise<ReceivedMail[]> {
  const { mail, issuer } = signet.settings
  if (mail.delivery !== 'files') throw new Error(`This installation does not write mails to files: ${mail.delivery}.`)
  const names = await readdir(mail.folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  // The names begin with the time.
  const files = names.filter((name) => name.endsWith('.eml')).sort()
  return Promise.all(
    files.map((name) => {
      const path = join(mail.folder, name)
      const parsed = known.get(path) ?? readFile(path).then((message) => parseMail(message, issuer))
      known.set(path, parsed)
      return parsed
    }),
  )
}

/** By the path of its file, which never changes: parsing takes longer than sending. */
const known = new Map<string, Promise<ReceivedMail>>()

/**
 * Parses a mail and finds what a person would click or type.
 *
 * @param issuer links to other places do not count
 */
export async function parseMail(message: Buffer, issuer: string): Promise<ReceivedMail> {
  const { from, to, subject, text, html } = await simpleParser(message, {
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
  })
  const lines = (text ?? '').split('\n').map((line) => line.trim())
  return {
    from: addressesIn(from),
    to: addressesIn(to),
    subject: subject ?? '',
    text: text ?? '',
    html: html || '',
    link: lines.find((line) => line.startsWith(`${issuer}/`)),
    code: lines.find((line) => /^\d{6}$/.test(line)),
  }
}

function addressesIn(header: AddressObject | AddressObject[] | undefined): string {
  return [header ?? []]
    .flat()
    .flatMap(({ value }) => value.map(({ address }) => address ?? ''))
    .join(', ')
}
