import { HiddenInputs } from '../../html/form-fields.tsx'
import type { PageContext } from '../../html/messages/messages.ts'

export interface DataSectionsProps {
  readonly page: PageContext
  /** The hidden fields of every form on the page. */
  readonly hidden: Readonly<Record<string, string>>
  /** Where somebody proves themselves who has not done so recently. Until then there is no download. */
  readonly confirmHref: string | undefined
}

/** The download of the person's data, and the way to the page that deletes the account. */
export function DataSections({ page, hidden, confirmHref }: DataSectionsProps) {
  const { data, security } = page.messages
  return (
    <>
      <section aria-labelledby="download">
        <h2 id="download">{data.download}</h2>
        <p class="about">{data.downloadLead}</p>
        {confirmHref === undefined ? (
          <form method="post" action="/account/data/download">
            <HiddenInputs values={hidden} />
            <button class="button" id="download-data" type="submit">
              {data.downloadSubmit}
            </button>
          </form>
        ) : (
          <>
            <p class="about">{data.confirmLead}</p>
            <a class="button" id="confirm-it-is-you" href={confirmHref}>
              {security.confirm}
            </a>
          </>
        )}
      </section>
      <section aria-labelledby="deletion">
        <h2 id="deletion">{data.deletion}</h2>
        <p class="about">{data.deletionLead}</p>
        <a class="button" id="to-deletion" href="/account/data/delete">
          {data.toDeletion}
        </a>
      </section>
    </>
  )
}
