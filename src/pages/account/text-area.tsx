interface TextAreaProps {
  /** The id and the name. */
  readonly id: string
  readonly label: string
  /** As for `Field`. */
  readonly autocomplete: string
  readonly value: string | undefined
  readonly fault: string | undefined
  readonly autofocus: boolean
}

/** A field of several lines, beside `Field`: an `input` would drop their ends. */
export function TextArea({ id, label, autocomplete, value, fault, autofocus }: TextAreaProps) {
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
