import type { Account } from '../records/accounts/account.ts'

type Claim = string | number | boolean | object

/** Which claims each scope asks for (OpenID Connect Core §5.4), and where an account has them. */
const claimsOfScope: Readonly<Record<string, (account: Account) => Readonly<Record<string, Claim | undefined>>>> = {
  profile: (account) => ({
    name: account.name,
    given_name: account.given_name,
    family_name: account.family_name,
    middle_name: account.middle_name,
    nickname: account.nickname,
    preferred_username: account.username,
    profile: account.profile,
    picture: account.picture,
    website: account.website,
    gender: account.gender,
    birthdate: account.birthdate,
    zoneinfo: account.zoneinfo,
    locale: account.locale,
    updated_at: Math.floor(account.updated_at.getTime() / 1000),
  }),
  email: (account) =>
    account.email === undefined ? {} : { email: account.email, email_verified: account.email_verified },
  address: (account) => ({ address: account.address }),
  phone: (account) =>
    account.phone_number === undefined
      ? {}
      : { phone_number: account.phone_number, phone_number_verified: account.phone_number_verified },
}

/** The claims that these scopes allow, without those the account does not have (§5.3.2: no null and no empty string). */
export function userinfoClaims(account: Account, scopes: readonly string[]): Record<string, Claim> {
  const claims: Record<string, Claim> = { sub: account.sub }
  for (const scope of scopes) {
    if (!Object.hasOwn(claimsOfScope, scope)) continue
    for (const [name, value] of Object.entries(claimsOfScope[scope]!(account)))
      if (value !== undefined && value !== '') claims[name] = value
  }
  return claims
}

/** What userinfo can tell, for `claims_supported` (OpenID Connect Discovery §3). */
export const supportedClaims: readonly string[] = [
  'sub',
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'updated_at',
  'email',
  'email_verified',
  'address',
  'phone_number',
  'phone_number_verified',
]
