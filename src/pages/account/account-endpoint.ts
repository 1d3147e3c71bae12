import multipart from '@fastify/multipart'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ComponentChildren } from 'preact'
import { sendPage } from '../../html/send-page.ts'
import { accountProof, isAboutAccount } from '../../interaction/account-proof.ts'
import { currentSession } from '../../interaction/browser-session.ts'
import { type OwnPage, pathOf, sealOwnPage } from '../../interaction/continue-value.ts'
import { sendToVerification } from '../../interaction/email-gate.ts'
import { sendToSecondFactor, setUpPages } from '../../interaction/factor-gate.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { minLengthOf } from '../../operations/new-password.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { TooManyWaiting } from '../../platform/turns.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { csrfCheckedUpload, isFileFault, type Upload } from '../../protocol/http/upload.ts'
import { displayName } from '../../records/accounts/account.ts'
import { allowedEndings } from '../../records/accounts/sign-up-domains.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import type { AccountDefinition, AccountForm, AccountView } from './account-definition.ts'
import { type AccountFault, accountFaultText, type FilledForm, isNotice, type Notice } from './account-form.ts'
import { AccountPage } from './account-page.tsx'
import { accountPages, menuFor } from './account-pages.ts'

/** The pages on which people manage their account. Their forms always change the account of the session, whatever they contain. */
export function accountEndpoint(app: App, signet: Signet): void {
  for (const definition of accountPages) {
    app.get<{ Querystring: Parameters }>(definition.path, async (request, reply) => {
      const session = await enteredSession(signet, request, reply, definition.ownPage)
      if (!session) return reply
      const notice = sentValue(request.query, 'notice') ?? ''
      const happened = { notice: isNotice(pageContextOf(request), notice) ? notice : undefined }
      return showPage(signet, { request, reply, session }, definition, happened, 200)
    })
    for (const form of definition.forms)
      if (form.isOffered?.(signet.settings) ?? true) {
        const { upload } = form
        if (upload) handleUpload(app, signet, definition, { ...form, upload })
        else handleForm(app, signet, definition, form)
      }
  }
  // W3C, A Well-Known URL for Changing Passwords §2: password managers send people here.
  // If signed out, the fragment would be lost in the redirect to the sign-in page.
  app.get('/.well-known/change-password', async (request, reply) => {
    if (!(await enteredSession(signet, request, reply, 'password'))) return reply
    return redirect(reply, pathOf({ page: 'password' }))
  })
}

function handleForm(app: App, signet: Signet, definition: AccountDefinition, form: AccountForm): void {
  app.post<{ Body: Parameters; Querystring: Parameters }>(form.path, async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const session = await enteredSession(signet, request, reply, definition.ownPage)
    if (!session) return reply
    return answerForm(signet, { request, reply, session }, definition, form, async () => ({ values, file: undefined }))
  })
}

/** Forms with a file that are processed at the same time at most. Each holds its file in memory. */
const maxUploads = 20

function handleUpload(
  app: App,
  signet: Signet,
  definition: AccountDefinition,
  form: AccountForm & Required<Pick<AccountForm, 'upload'>>,
): void {
  const { count, field, maxBytes } = form.upload
  let uploads = 0
  app.register(async (scope: App) => {
    await scope.register(multipart)
    scope.post<{ Body: Parameters; Querystring: Parameters }>(form.path, async (request, reply) => {
      // A file is read only for somebody who is signed in.
      const session = await enteredSession(signet, request, reply, definition.ownPage)
      if (!session) return reply
      const read = async () => {
        if (uploads > maxUploads) throw new TooManyWaiting(`${maxUploads} files are being processed.`)
        await count(signet, session)
        return csrfCheckedUpload(signet, request, field, maxBytes)
      }
      uploads++
      try {
        return await answerForm(signet, { request, reply, session }, definition, form, read)
      } finally {
        uploads--
      }
    })
  })
}

/** @param read reads the form. @throws LimitExceeded, TooManyWaiting: the page is shown again and says so */
async function answerForm(
  signet: Signet,
  visit: Pick<AccountView, 'request' | 'reply' | 'session'>,
  definition: AccountDefinition,
  form: AccountForm,
  read: () => Promise<Upload>,
): Promise<FastifyReply> {
  const { request, reply, session } = visit
  let sent: Upload = { values: new Map(), file: undefined }
  const show = (faults: FilledForm['faults'], status: number, retryAfterSeconds?: number) =>
    showPage(signet, visit, definition, { refused: { form, values: sent.values, faults }, retryAfterSeconds }, status)
  try {
    sent = await read()
    // Of a form whose file was not taken, the rest may not have been read. It changes nothing.
    const isAbout = isAboutAccount(signet.secrets.csrf, session.account.sub, sent.values.get('account'))
    if (!isAbout && !isFileFault(sent.file)) return redirect(reply, hrefOf(definition.path, 'other-account'))
    const outcome = await form.submit(signet, { ...visit, ...sent })
    switch (outcome.outcome) {
      case 'done':
        return redirect(reply, hrefOf(outcome.path ?? definition.path, outcome.notice))
      case 'mailed':
        // The page on which the person enters the code of the mail, and from which they return to this one.
        return redirect(reply, `/verify-email?continue=${sealed(signet, definition.ownPage)}`)
      case 'faulty':
        return show(outcome.faults, outcome.status)
      case 'shown':
        return showPage(signet, visit, definition, { content: outcome.content }, 200)
      case 'replied':
        return reply
      case 'signed_out':
        return toSignIn(signet, reply, definition.ownPage)
    }
  } catch (error) {
    const { fault, status, retryAfterSeconds } = refuseOverLimit(signet, request, reply, error)
    return show(new Map([['form', fault]]), status, retryAfterSeconds)
  }
}

/**
 * The session of the request, if its person may see the pages of their account.
 *
 * @returns undefined if the person has been sent to another page first
 */
async function enteredSession(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  page: OwnPage,
): Promise<Session | undefined> {
  const session = await currentSession(signet.database, signet.settings, request)
  if (!session) toSignIn(signet, reply, page)
  else if (sendToVerification(signet, reply, session, sealed(signet, page))) return undefined
  else if (setUpPages.includes(page) || !sendToSecondFactor(signet, reply, session, sealed(signet, page)))
    return session
  return undefined
}

function toSignIn(signet: Signet, reply: FastifyReply, page: OwnPage): FastifyReply {
  return redirect(reply, `/sign-in?continue=${sealed(signet, page)}`)
}

function sealed({ secrets }: Signet, page: OwnPage): string {
  return sealOwnPage(secrets['request-sealing'], page)
}

function hrefOf(path: string, notice: Notice | undefined): string {
  return notice ? `${path}?notice=${notice}` : path
}

function redirect(reply: FastifyReply, href: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}

/** What has just happened on a page. */
interface Happened {
  readonly notice?: Notice | undefined
  /** The form that was refused, with what was typed. Passwords are never sent back to the browser. */
  readonly refused?: FilledForm & { readonly form: AccountForm }
  readonly retryAfterSeconds?: number | undefined
  /** Shown instead of the content that the page otherwise has. */
  readonly content?: ComponentChildren
}

async function showPage(
  signet: Signet,
  visit: Pick<AccountView, 'request' | 'reply' | 'session'>,
  definition: AccountDefinition,
  { notice, refused, retryAfterSeconds, content }: Happened,
  status: number,
): Promise<FastifyReply> {
  const { settings, secrets } = signet
  const { request, reply, session } = visit
  const { account } = session
  const page = pageContextOf(request)
  const csrf = csrfToken(signet, request, reply)
  const figures = {
    minPasswordLength: await minLengthOf(signet, account.sub),
    domains: account.signed_up ? allowedEndings(settings) : [],
    retryAfterSeconds,
  }
  const textOf = (fault: AccountFault, field: string) => accountFaultText(page, fault, field, figures)
  const view: AccountView = {
    ...{ signet, ...visit, page, textOf },
    hidden: { csrf, account: accountProof(secrets.csrf, account.sub) },
    timeZone: account.zoneinfo,
    form: (name, values = new Map()) => (refused?.form.name === name ? refused : { values, faults: new Map() }),
  }
  const children = content ?? (await definition.show(view))
  if (children === undefined) return reply
  return sendPage(
    reply,
    AccountPage({
      ...{ page, csrf, textOf, notice, children },
      account: { name: displayName(account), email: account.email },
      title: definition.title(page.messages),
      menu: menuFor(page.messages, definition),
      scripts: definition.scripts,
      // A form without a name cannot show its faults, but the summary does.
      faults: refused?.faults,
    }),
    status,
  )
}
