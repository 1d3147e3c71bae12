import { HiddenInputs } from '../../html/form-fields.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'
import { avatarField } from './avatar-form.ts'

/** The picture of the person: one that they have uploaded, one that is somewhere else, or none. */
export function AvatarSection({
  page,
  hidden,
  form,
  textOf,
  picture,
}: FormSectionProps & {
  /** The claim `picture`, with the path of the picture if it is one of ours. */
  readonly picture: { readonly url: string; readonly path: string | undefined } | undefined
}) {
  const { avatar } = page.messages
  const { fault, autofocus } = fieldsOf(form, textOf)
  const shownFault = fault(avatarField)
  const described = [shownFault && `${avatarField}-fault`, `${avatarField}-hint`].filter(Boolean).join(' ')
  return (
    <section aria-labelledby="your-picture">
      <h2 id="your-picture">{avatar.title}</h2>
      <p class="about">{avatar.lead}</p>
      {picture && (
        <div class="row picture">
          {picture.path === undefined ? (
            // Not loaded: its host would learn when the person looks at this page.
            <p class="row-text">
              {avatar.elsewhere} <bdi>{picture.url}</bdi>
            </p>
          ) : (
            <img class="avatar" src={picture.path} alt={avatar.alt} width="96" height="96" />
          )}
          <form method="post" action="/account/avatar/remove">
            <HiddenInputs values={hidden} />
            <button class="button" id="avatar-remove" type="submit">
              {avatar.remove}
            </button>
          </form>
        </div>
      )}
      {/* The hidden fields come first, so that they are read if the file is too large. */}
      <form method="post" action="/account/avatar" enctype="multipart/form-data">
        <HiddenInputs values={hidden} />
        <div class="field">
          <label for={avatarField}>{picture ? avatar.replace : avatar.choose}</label>
          {shownFault && (
            <p class="field-fault" id={`${avatarField}-fault`}>
              {shownFault}
            </p>
          )}
          <input
            type="file"
            id={avatarField}
            name={avatarField}
            accept="image/png,image/jpeg,image/webp"
            required
            autofocus={autofocus(avatarField)}
            aria-describedby={described}
            {...(shownFault && { 'aria-invalid': 'true' as const })}
          />
          <p class="hint" id={`${avatarField}-hint`}>
            {avatar.hint}
          </p>
        </div>
        <button class="button" id="avatar-save" type="submit">
          {avatar.save}
        </button>
      </form>
    </section>
  )
}
