import { shownName } from './shown-name.ts'

/** What a page shows of the person it speaks to. */
export interface PageAccount {
  readonly name: string
  readonly email?: string | undefined
}

/** The account as a small badge. `bdi` keeps a name's direction to itself, the line around it keeps it in its column. The initial is an ornament: the name says it. */
export function Account({ account, label }: { readonly account: PageAccount; readonly label: string }) {
  const name = shownName(account.name)
  return (
    <div class="account">
      <span class="initial" aria-hidden="true">
        {initial(name)}
      </span>
      <p>
        <span class="label">{label}</span>
        <span class="name">
          <bdi>{name}</bdi>
        </span>
        {account.email && account.email !== account.name && (
          <span class="email">
            <bdi>{account.email}</bdi>
          </span>
        )}
      </p>
    </div>
  )
}

/** The first letter as people see it: an accent or an emoji may take several code points. */
function initial(name: string): string {
  const [first] = new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(name)
  return (first?.segment ?? '').toLocaleUpperCase('und')
}
