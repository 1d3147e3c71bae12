import { Field, HiddenInputs } from '../../html/form-fields.tsx'
import { fill, fillText } from '../../html/messages/messages.ts'
import { type FormSectionProps, fieldsOf } from './account-form.ts'

export interface DeletionSectionProps extends FormSectionProps {
  readonly sub: string
  /** What the person types to confirm. */
  readonly nameToType: string
  /** The address that the mail about it goes to; undefined if there is none. */
  readonly toldAt: string | undefined
}

/** Says what is deleted and what is kept, and deletes it once the person has typed the name of the account. */
export function DeletionSection(props: DeletionSectionProps) {
  const { page, hidden, form, textOf, sub, nameToType, toldAt } = props
  const { data } = page.messages
  const { fault, value, autofocus } = fieldsOf(form, textOf)
  return (
    <section>
      <p class="about">{data.deletionFinal}</p>
      <h2>{data.lost}</h2>
      <ul>
        <li>{data.lostProfile}</li>
        <li>{data.lostFactors}</li>
        <li>{data.lostAccess}</li>
      </ul>
      <h2>{data.kept}</h2>
      <ul>
        <li>{fill(data.keptId, { id: <code>{sub}</code> })}</li>
        <li>{data.keptEvents}</li>
        <li>{data.keptElsewhere}</li>
      </ul>
      <ul class="links">
        <li>
          <a href="/account/data">{data.downloadFirst}</a>
        </li>
      </ul>
      <form method="post" action="/account/data/delete">
        <HiddenInputs values={hidden} />
        {toldAt !== undefined && <p class="about">{fill(data.told, { email: <bdi>{toldAt}</bdi> })}</p>}
        <Field
          id="account-name"
          label={fillText(data.typeName, { name: nameToType })}
          autocomplete="off"
          value={value('account-name')}
          fault={fault('account-name')}
          autofocus={autofocus('account-name')}
          required
        />
        <button class="button primary" id="delete-account" type="submit">
          {data.deletionSubmit}
        </button>
      </form>
      <ul class="links">
        <li>
          <a href="/account/data">{data.keepAccount}</a>
        </li>
      </ul>
    </section>
  )
}
