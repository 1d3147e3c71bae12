import type { ComponentChildren, InputHTMLAttributes } from 'preact'
import type { PageContext } from './page-context.ts'

interface FieldProps {
  /** The id and the name. */
  readonly id: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password'
  /** The autofill field name of HTML §4.10.18.7.1: password managers and WCAG 1.3.5 go by it. */
  readonly autocomplete: string
  readonly inputmode?: 'email' | 'text'
  readonly value?: string | undefined
  readonly hint?: ComponentChildren
  /** What is wrong, shown below the label and read out with the field. */
  readonly fault?: ComponentChildren
  /** The id of a fault that is shown elsewhere and marks this field too. */
  readonly faultyBy?: string | undefined
  readonly required?: boolean
  readonly minlength?: number
  readonly autofocus?: boolean
}

/** Phones capitalise and correct what they take for a sentence; a user name or an address is none. */
const asTyped = { autocapitalize: 'none', autocorrect: 'off', spellcheck: false } as const

/** Spelled out, for the types of inputs are told apart by a literal `type`. */
const inputs = {
  text: (attributes: Attributes) => <input type="text" {...attributes} />,
  email: (attributes: Attributes) => <input type="email" {...attributes} />,
  password: (attributes: Attributes) => <input type="password" {...attributes} />,
}

type Attributes = Omit<InputHTMLAttributes, 'type' | 'role' | 'list'>

/** One input with its label, hint and fault. The order in the document is the order in which all three are read out. */
export function Field(props: FieldProps) {
  const { id, label, type = 'text', hint, fault, faultyBy, ...given } = props
  const described = [faultyBy, fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(' ')
  const attributes = {
    id,
    name: id,
    ...(given.autocomplete !== 'name' && asTyped),
    ...((fault || faultyBy) && { 'aria-invalid': 'true' as const }),
    ...(described && { 'aria-describedby': described }),
    ...given,
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {fault && (
        <p class="field-fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
      {inputs[type](attributes)}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

/**
 * A way to see what was typed (NIST SP 800-63B-4 §3.1.1.2). It is there only where a script can do it: `show-password.js` unhides it.
 * It has no name and is not sent.
 */
export function RevealPassword({ page }: { readonly page: PageContext }) {
  return (
    <label class="reveal" hidden>
      <input type="checkbox" data-reveals="password" aria-controls="password" />
      {page.messages.password.reveal}
    </label>
  )
}
