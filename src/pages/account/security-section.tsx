import type { PageContext } from '../../html/messages/messages.ts'

/** Leads somebody who has not proven themselves recently to the page where they can. Until then, the other sections only show what there is. */
export function ConfirmSection({ page, href }: { readonly page: PageContext; readonly href: string }) {
  const { security } = page.messages
  return (
    <section>
      <p class="about">{security.confirmLead}</p>
      <a class="button" id="confirm-it-is-you" href={href}>
        {security.confirm}
      </a>
    </section>
  )
}
