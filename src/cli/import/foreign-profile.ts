import type { Profile } from '../../records/accounts/account.ts'
import { checkProfile } from '../../records/accounts/profile-rules.ts'

type Description = Omit<Profile, 'username'>

/**
 * The claims of another system that our rules accept. The others are left out with a note: a telephone number in another form must not keep anybody
 * from signing in.
 */
export function acceptedClaims(claims: { readonly [claim in keyof Description]: Description[claim] | undefined }): {
  readonly profile: Description
  readonly notes: readonly string[]
} {
  const notes: string[] = []
  const accepted = Object.entries(claims).filter(([claim, value]) => {
    if (value === undefined) return false
    try {
      checkProfile({ [claim]: value })
      return true
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'InvalidProfile') throw error
      notes.push(`${claim} is left out where it is not valid.`)
      return false
    }
  })
  return { profile: Object.fromEntries(accepted), notes }
}

/**
 * User names have no `@` here. Other systems let people use their address as their user name. If somebody has no other address, it becomes their
 * address, unverified.
 */
export function splitUsername(username: string | undefined, email: string | undefined) {
  if (username === undefined || !username.includes('@')) return { username, email, notes: [] }
  if (email === undefined)
    return { username: undefined, email: username, notes: ['A user name with an @ became the unverified address.'] }
  const isSame = username.toLowerCase() === email.toLowerCase()
  return { username: undefined, email, notes: isSame ? [] : ['A user name with an @ is not taken over.'] }
}
