import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import fastify from 'fastify'
import { findMail, newestMails } from './mail-files.js'
import { faultPage, listPage, mailPage } from './pages.js'

const assets = fileURLToPath(new URL('assets/', import.meta.url))

/** Runs nothing, submits nothing, and opens links in a tab of their own. */
const sandbox = 'allow-popups allow-popups-to-escape-sandbox'

/**
 * Shows the mails that Signet writes to a folder, as a mail program would. It reads nothing else.
 *
 * @param {object} settings
 * @param {string} settings.folder
 * @param {string} settings.origin where people reach it: scheme, host and port
 */
export function createMails({ folder, origin }) {
  const app = fastify({ logger: false, forceCloseConnections: true })
  app.register(fastifyStatic, { root: assets, prefix: '/assets/', maxAge: '1h' })

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    // The mails contain secrets. A website whose name is made to point to this machine (DNS rebinding) must not be able to read them.
    if (request.headers.host !== new URL(origin).host)
      return reply
        .code(421)
        .type('text/html')
        .send(faultPage(`Open ${origin} instead.`))
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/html').send(faultPage('There is no such mail.')),
  )

  app.get('/', async (_request, reply) => reply.type('text/html').send(listPage(await newestMails(folder))))

  app.get('/mails/:name', async (request, reply) => {
    const { name } = /** @type {{ name: string }} */ (request.params)
    const mail = await findMail(folder, name)
    return mail ? reply.type('text/html').send(mailPage(mail, sandbox)) : reply.callNotFound()
  })

  // For the frame in the page of the mail.
  app.get('/mails/:name/html', async (request, reply) => {
    const { name } = /** @type {{ name: string }} */ (request.params)
    const mail = await findMail(folder, name)
    if (!mail) return reply.callNotFound()
    reply.header(
      'content-security-policy',
      `default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox ${sandbox}`,
    )
    // Signet does not allow its pages in frames.
    return reply.type('text/html; charset=utf-8').send(mail.html.replace(/<head>/i, '<head><base target="_blank">'))
  })

  return app
}
