import { Layout } from '../../html/layout.tsx'
import type { PageContext } from '../../html/messages/messages.ts'
import { inspectMessages } from './inspect-messages.ts'
import { englishInspectMessages } from './inspect-messages-en.ts'

export interface InspectPageProps {
  readonly page: PageContext
  /** The issuer's identifier, which `iss` is compared with. */
  readonly issuer: string
}

/** For fields whose content stays in the page: browsers must not correct, store or suggest it. They have no name, so they are never sent. */
const localInput = { autocomplete: 'off', autocapitalize: 'none', autocorrect: 'off', spellcheck: false } as const

const examplePayload = '{\n  "sub": "ada",\n  "admin": false\n}'
const exampleSecret = 'known-to-the-two-of-us-and-nobody'

/** Prints header and payload of the token in the variable TOKEN. The same as in docs/verify.md. */
export const readInTerminal = `printf '%s' "$TOKEN" | node -e 'for (const part of require("fs").readFileSync(0, "utf8").split(".", 2)) console.log(Buffer.from(part, "base64url").toString())'`

/**
 * Shows what a token says and whether this issuer signed it, and what a shared secret would mean. There is no form, because a form
 * could be sent. Parts that need the script are in templates; the texts for the script are in `data-texts`.
 */
export function InspectPage({ page, issuer }: InspectPageProps) {
  const texts = inspectMessages.get(page.locale) ?? englishInspectMessages
  const { inspect, sharedSecret } = texts
  return (
    <Layout page={page} title={inspect.title} scripts={['inspect/inspector.js']}>
      <h1>{inspect.title}</h1>
      <p class="lead">{inspect.lead}</p>
      <nav aria-label={inspect.contents}>
        <ul class="links contents">
          <li>
            <a href="#look">{inspect.look}</a>
          </li>
          <li>
            <a href="#why">{sharedSecret.title}</a>
          </li>
        </ul>
      </nav>
      <div class="sections inspector" id="inspector" data-issuer={issuer} data-texts={JSON.stringify(texts)}>
        <section aria-labelledby="look">
          <h2 id="look">{inspect.look}</h2>
          <noscript>
            <div class="notice">
              <p>{inspect.noScript}</p>
              <p>
                <code dir="ltr">{readInTerminal}</code>
              </p>
            </div>
          </noscript>
          <template id="look-tool">
            <div class="field">
              <label for="token">{inspect.token}</label>
              <textarea id="token" class="mono" dir="ltr" rows={5} aria-describedby="token-hint" {...localInput} />
              <p class="hint" id="token-hint">
                {inspect.stays}
              </p>
            </div>
            <div class="choice">
              <button class="button" type="button" id="example">
                {inspect.example}
              </button>
              <button class="button" type="button" id="clear">
                {inspect.clear}
              </button>
            </div>
            <p class="unseen" role="status" id="told" />
            <div id="result" />
          </template>
        </section>
        <section aria-labelledby="why">
          <h2 id="why">{sharedSecret.title}</h2>
          <p>{sharedSecret.what}</p>
          <p>{sharedSecret.instead}</p>
          <template id="shared-tool">
            <p>{sharedSecret.tryIt}</p>
            <div class="fields">
              <div class="field">
                <label for="shared-payload">{sharedSecret.payload}</label>
                <textarea
                  id="shared-payload"
                  class="mono"
                  dir="ltr"
                  rows={4}
                  maxLength={4096}
                  aria-describedby="shared-fault"
                  {...localInput}
                >
                  {examplePayload}
                </textarea>
              </div>
              <div class="field">
                <label for="shared-secret">{sharedSecret.secret}</label>
                <input
                  type="text"
                  id="shared-secret"
                  class="mono"
                  dir="ltr"
                  maxLength={1024}
                  value={exampleSecret}
                  aria-describedby="shared-fault"
                  {...localInput}
                />
              </div>
            </div>
            <p class="field-fault" role="alert" id="shared-fault" />
            <button class="button primary" type="button" id="shared-sign">
              {sharedSecret.sign}
            </button>
            <p class="unseen" role="status" id="shared-told" />
            <div id="both-ways" />
          </template>
        </section>
      </div>
    </Layout>
  )
}
