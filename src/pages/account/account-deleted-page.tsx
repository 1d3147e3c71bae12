import { Layout } from '../../html/layout.tsx'
import { fill, type PageContext } from '../../html/messages/messages.ts'

/** The last page that somebody sees who has deleted their account. Nobody is signed in any more. */
export function AccountDeletedPage(props: {
  readonly page: PageContext
  /** The address that the mail about it goes to; undefined if there is none. */
  readonly toldAt: string | undefined
}) {
  const { page, toldAt } = props
  const { data } = page.messages
  return (
    <Layout page={page} title={data.deletedTitle}>
      <h1>{data.deletedTitle}</h1>
      <p class="lead">{data.deleted}</p>
      {toldAt !== undefined && <p>{fill(data.told, { email: <bdi>{toldAt}</bdi> })}</p>}
      <p>{data.deletedPasskeys}</p>
      <ul class="links">
        <li>
          <a href="/">{data.toStart}</a>
        </li>
      </ul>
    </Layout>
  )
}
