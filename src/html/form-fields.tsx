import type { ComponentChildren, InputHTMLAttributes } from 'preact'
import type { PageContext } from './messages/messages.ts'

interface FieldProps {
  /** The id and the name. */
  readonly id: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password'
  /** The autofill field name of HTML §4.10.18.7.1: password managers and WCAG 1.3.5 go by it. */
  readonly autocomplete: string
  readonly inputmode?: 'email'
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

/** Phones capitalise and correct what they take for a sentence. A user name or an address is not one. */
const asTyped = { autocapitalize: 'none', autocorrect: 'off', spellcheck: false } as const

/** Spelled out, because Preact's types tell inputs apart by a literal `type`. */
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

type TextAreaProps = Pick<FieldProps, 'id' | 'label' | 'autocomplete' | 'value' | 'fault' | 'autofocus'>

/** A field of several lines: an `input` would drop the line ends. */
export function TextArea(props: TextAreaProps) {
  const { id, label, autocomplete, value, fault, autofocus } = props
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {fault && (
        <p class="field-fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
      <textarea
        id={id}
        name={id}
        rows={3}
        autocomplete={autocomplete}
        autofocus={autofocus}
        value={value}
        {...(fault && { 'aria-invalid': 'true' as const, 'aria-describedby': `${id}-fault` })}
      />
    </div>
  )
}

/**
 * A way to see what was typed (NIST SP 800-63B-4 §3.1.1.2). It is there only where a script can do it: `show-password.js` unhides it.
 * It has no name and is not sent.
 */
export function RevealPassword(props: {
  readonly page: PageContext
  /** The id of the password field. */
  readonly field?: string
  readonly label?: string
}) {
  const { page, field = 'password', label = page.messages.password.reveal } = props
  return (
    <label class="reveal" hidden>
      <input type="checkbox" data-reveals={field} aria-controls={field} />
      {label}
    </label>
  )
}

/** The hidden fields of a form. What is undefined is left out, because an empty `continue` would be a faulty one. */
export function HiddenInputs({ values }: { readonly values: Readonly<Record<string, string | undefined>> }) {
  return Object.entries(values).map(
    ([name, value]) => value !== undefined && <input key={name} type="hidden" name={name} value={value} />,
  )
}

/** What went wrong, before everything else. `role="alert"` has it read out at once. */
export function FaultSummary({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="fault" role="alert" id="fault">
      {children}
    </div>
  )
}
