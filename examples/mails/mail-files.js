import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'

/**
 * @typedef {object} StoredMail
 * @property {string} name of its file, without `.eml`
 * @property {string} from
 * @property {string} to
 * @property {string} subject
 * @property {Date | undefined} date
 * @property {string} text
 * @property {string} html
 */

/** How many mails are listed. */
const maxListed = 50

/**
 * The newest mails in a folder, newest first.
 *
 * @param {string} folder
 * @returns {Promise<StoredMail[]>}
 */
export async function newestMails(folder) {
  return Promise.all((await namesIn(folder)).slice(0, maxListed).map((name) => parse(folder, name)))
}

/**
 * @param {string} folder
 * @param {string} name only names of files that are in the folder lead to one
 * @returns {Promise<StoredMail | undefined>}
 */
export async function findMail(folder, name) {
  return (await namesIn(folder)).includes(name) ? parse(folder, name) : undefined
}

/** @param {string} folder */
async function namesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch((/** @type {NodeJS.ErrnoException} */ error) => {
    // Signet creates it with the first mail.
    if (error.code === 'ENOENT') return []
    throw error
  })
  // A name begins with the time. A file whose name begins with a dot is not complete yet.
  return entries
    .filter((entry) => entry.isFile() && /^\w[\w-]*\.eml$/.test(entry.name))
    .map((entry) => entry.name.slice(0, -'.eml'.length))
    .sort()
    .reverse()
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {Promise<StoredMail>}
 */
async function parse(folder, name) {
  const { from, to, subject, date, text, html } = await simpleParser(await readFile(join(folder, `${name}.eml`)))
  const all = [to ?? []].flat().map((addresses) => addresses.text)
  return {
    name,
    from: from?.text ?? '',
    to: all.join(', '),
    subject: subject ?? '',
    date,
    text: text ?? '',
    html: html || '',
  }
}
