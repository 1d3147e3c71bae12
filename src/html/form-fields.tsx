import type { ComponentChildren, InputHTMLAttributes } from 'preact'
import type { PageContext } from './messages/messages.ts'

interface FieldProps {
  /** The id and the name. */
  readonly id: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password' | 'date'
  /** The autofill field name of HTML §4.10.18.7.1: password managers and WCAG 1.3.5 rely on it. */
  readonly autocomplete: string
  readonly inputmode?: 'email' | 'numeric'
  readonly value?: string | undefined
  readonly hint?: ComponentChildren
  /** What is wrong, shown below the label and read out together with the field. */
  readonly fault?: ComponentChildren
  /** The id of a fault that is shown elsewhere but concerns this field too. */
  readonly faultyBy?: string | undefined
  readonly required?: boolean
  /** Shown and sent, but not changed. */
  readonly readonly?: boolean
  readonly minlength?: number
  /** The latest date. */
  readonly max?: string
  readonly maxlength?: number
  readonly autofocus?: boolean
}

/** Phones capitalise and autocorrect what looks like a sentence. User names and addresses must stay as typed. */
const asTyped = { autocapitalize: 'none', autocorrect: 'off', spellcheck: false } as const

/** Spelled out, because Preact's types distinguish inputs by a literal `type`. */
const inputs = {
  text: (attributes: Attributes) => <input type="text" {...attributes} />,
  email: (attributes: Attributes) => <input type="email" {...attributes} />,
  password: (attributes: Attributes) => <input type="password" {...attributes} />,
  date: (attributes: Attributes) => <input type="date" {...attributes} />,
}

type Attributes = Omit<InputHTMLAttributes, 'type' | 'role' | 'list'>

/** One input with its label, hint and fault. Screen readers read them in document order. */
export function Field(props: FieldProps) {
  const { id, label, type = 'text', hint, fault, faultyBy, ...given } = props
  const described = [faultyBy, fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(' ')
  const attributes = {
    id,
    name: id,
    ...(given.autocomplete !== 'name' && type !== 'date' && asTyped),
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

/** A field for several lines: an `input` would drop line breaks. */
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

/** One of the values of a `Select`. */
export interface Choice {
  readonly value: string
  readonly label: string
  /** The language of the label, if it is not that of the page. */
  readonly lang?: string | undefined
}

/** A list of values of which a person chooses one. Groups follow the values without one. */
export function Select(
  props: Pick<FieldProps, 'id' | 'label' | 'autocomplete' | 'value' | 'fault' | 'autofocus'> & {
    readonly choices: readonly Choice[]
    readonly groups?: readonly { readonly label: string; readonly choices: readonly Choice[] }[]
    /** The text of a script that suggests a value: see `suggest-time-zone.js`. */
    readonly suggestion?: string
  },
) {
  const { id, label, autocomplete, value = '', fault, autofocus, choices, groups = [], suggestion } = props
  const show = (shown: readonly Choice[]) =>
    shown.map((choice) => (
      <option key={choice.value} value={choice.value} lang={choice.lang} selected={choice.value === value}>
        {choice.label}
      </option>
    ))
  return (
    <div class="field" data-suggestion={suggestion}>
      <label for={id}>{label}</label>
      {fault && (
        <p class="field-fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
      <select
        id={id}
        name={id}
        autocomplete={autocomplete}
        autofocus={autofocus}
        {...(fault && { 'aria-invalid': 'true' as const, 'aria-describedby': `${id}-fault` })}
      >
        {show(choices)}
        {groups.map((group) => (
          <optgroup key={group.label} label={group.label}>
            {show(group.choices)}
          </optgroup>
        ))}
      </select>
    </div>
  )
}

/**
 * A checkbox that shows the password that was typed (NIST SP 800-63B-4 §3.1.1.2). It needs a script: `show-password.js` unhides it.
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

/** The hidden fields of a form. Undefined values are left out, because an empty `continue` would be invalid. */
export function HiddenInputs({ values }: { readonly values: Readonly<Record<string, string | undefined>> }) {
  return Object.entries(values).map(
    ([name, value]) => value !== undefined && <input key={name} type="hidden" name={name} value={value} />,
  )
}

/** What went wrong, above the form. Because of `role="alert"`, screen readers read it out immediately. */
export function FaultSummary({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="fault" role="alert" id="fault">
      {children}
    </div>
  )
}

/**
 * The faults of a form: first the one that concerns no field, then one for each field, with a link to it. Nothing if there are none.
 *
 * @param fields the id of each faulty field with what is wrong, in the order of the form
 */
export function FormFaults({
  form,
  fields,
}: {
  readonly form: string | undefined
  readonly fields: readonly { readonly id: string; readonly text: string }[]
}) {
  if (form === undefined && fields.length === 0) return null
  return (
    <FaultSummary>
      {form !== undefined && <p>{form}</p>}
      {fields.length > 0 && (
        <ul>
          {fields.map(({ id, text }) => (
            <li key={id}>
              <a href={`#${id}`}>{text}</a>
            </li>
          ))}
        </ul>
      )}
    </FaultSummary>
  )
}

/** Tells password managers whose password the form has. Not type=hidden, because they ignore that. */
export function HiddenUsername({ value }: { readonly value: string | undefined }) {
  return <input type="text" name="username" autocomplete="username" value={value} readonly hidden />
}

/** Signs the person out, at the end of a page. */
export function SignOutForm({ csrf, label }: { readonly csrf: string; readonly label: string }) {
  return (
    <form class="leave" method="post" action="/logout/confirm">
      <HiddenInputs values={{ csrf }} />
      <button class="button" id="sign-out" type="submit">
        {label}
      </button>
    </form>
  )
}
