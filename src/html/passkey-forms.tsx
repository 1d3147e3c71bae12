import type { PageContext } from './messages/messages.ts'

/** The scripts of pages with one of the buttons below, in this order. */
export const passkeyScripts = ['webauthn/webauthn.js', 'passkeys.js'] as const

interface PasskeyButtonProps {
  readonly page: PageContext
  /** The id of the button. */
  readonly id?: string
  /** What is on the button. */
  readonly label?: string
  /** From `passkeyRequestOptions` or `passkeyCreationOptions`. Nothing is shown without options: the issuer cannot have passkeys. */
  readonly options: string | undefined
  readonly isPrimary?: boolean
  /** A line between the button and another way, such as “or”, which is shown only if the button is. */
  readonly or?: string
}

/**
 * The button to use a passkey. It belongs into a form, and submits it with the browser's answer in the field `credential`, for `provePasskey`. The form
 * can have other buttons and fields.
 */
export function PasskeyButton(props: PasskeyButtonProps & { readonly suggestsInField?: boolean }) {
  const { page, id = 'use-passkey', suggestsInField = false } = props
  const { passkeys } = page.messages
  // A field with autocomplete="username webauthn" must be on the page.
  const data = suggestsInField ? { 'data-autofill': '' } : {}
  return <PasskeyArea {...props} id={id} label={props.label ?? passkeys.use} kind="get" data={data} />
}

/**
 * The button to create a passkey. It belongs into a form, and submits it with the browser's answer in the field `credential`, for `readNewPasskey`. If the
 * form asks for the name of the account, `nameFrom` and `displayNameFrom` are the ids of those fields.
 */
export function NewPasskeyButton(
  props: PasskeyButtonProps & { readonly nameFrom?: string; readonly displayNameFrom?: string },
) {
  const { page, id = 'create-passkey', nameFrom, displayNameFrom } = props
  const { passkeys } = page.messages
  const data = { 'data-name-from': nameFrom, 'data-display-name-from': displayNameFrom }
  return <PasskeyArea {...props} id={id} label={props.label ?? passkeys.create} kind="create" data={data} />
}

type Area = PasskeyButtonProps & {
  readonly id: string
  readonly label: string
  readonly kind: 'get' | 'create'
  readonly data: Readonly<Record<string, string | undefined>>
}

function PasskeyArea({ page, id, label, options, isPrimary = false, or, kind, data }: Area) {
  if (options === undefined) return null
  const { passkeys } = page.messages
  const { failed, exists, needScript, unsupported } = passkeys
  const cancelled = kind === 'create' ? passkeys.notCreated : passkeys.cancelled
  return (
    <div
      class="passkey"
      data-passkey={kind}
      data-options={options}
      data-texts={JSON.stringify({ cancelled, failed, exists })}
      {...data}
    >
      <input type="hidden" name="credential" value="" />
      {/* The script shows these. */}
      {or !== undefined && (
        <p class="or passkey-shown" hidden>
          {or}
        </p>
      )}
      <button class={isPrimary ? 'button primary passkey-shown' : 'button passkey-shown'} id={id} type="submit" hidden>
        {label}
      </button>
      <p class="hint" role="status" />
      <p class="hint passkey-missing" hidden>
        {unsupported}
      </p>
      <noscript>
        <p class="hint">{needScript}</p>
      </noscript>
    </div>
  )
}

/** A hidden field that becomes `1` if the browser can create passkeys and suggest them at sign-in. Without scripts it stays empty, which counts as not sent. */
export function PasskeysPossible() {
  return <input type="hidden" name="passkeys" value="" data-passkeys-possible="" />
}
