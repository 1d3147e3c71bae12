/** What a form carries unseen; what is undefined is left out, for an empty `continue` would be a wrong one. */
export function HiddenInputs({ values }: { readonly values: Readonly<Record<string, string | undefined>> }) {
  return Object.entries(values).map(
    ([name, value]) => value !== undefined && <input key={name} type="hidden" name={name} value={value} />,
  )
}
