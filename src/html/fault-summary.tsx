import type { ComponentChildren } from 'preact'

/** What went wrong, before everything else. `role="alert"` has it read out at once. */
export function FaultSummary({
  id = 'fault',
  children,
}: {
  readonly id?: string
  readonly children: ComponentChildren
}) {
  return (
    <div class="fault" role="alert" id={id}>
      {children}
    </div>
  )
}
