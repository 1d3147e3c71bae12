import { Layout } from '../html/layout.tsx'
import { hostOf, safeHref } from '../html/link-target.ts'
import { fill, type PageContext } from '../html/messages/messages.ts'

export interface FormPostPageProps {
  readonly page: PageContext
  /** The verified redirect URI. */
  readonly action: string
  /** The authorization response. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/**
 * OAuth 2.0 Form Post Response Mode §2: the response as a form that submits itself. Without scripts, the person presses the button.
 *
 * @throws if no form may be sent to the action: such a redirect URI is never registered
 */
export function FormPostPage({ page, action, parameters }: FormPostPageProps) {
  const { formPost } = page.messages
  const target = safeHref(action)
  if (target === undefined) throw new TypeError('A form_post response needs a redirect URI that a browser can post to.')
  const host = hostOf(target)
  return (
    <Layout page={page} title={formPost.title} scripts={['form-post.js']}>
      <h1>{formPost.title}</h1>
      <p class="lead">{host ? fill(formPost.going, { host: <bdi class="host">{host}</bdi> }) : formPost.goingBack}</p>
      <form method="post" action={target} id="form-post" autocomplete="off">
        {parameters.map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <p class="fine">{formPost.stuck}</p>
        {/* Without a name, so that it does not become a parameter of the response. */}
        <button class="button primary" type="submit">
          {formPost.submit}
        </button>
      </form>
    </Layout>
  )
}
