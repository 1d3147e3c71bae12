import assert from 'node:assert/strict'

/** The claims of each scope (OpenID Connect Core §5.4), all of which the scope modules look for. */
export const claimsOfScope: Readonly<Record<string, readonly string[]>> = {
  profile: [
    ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'profile', 'picture', 'website', 'gender'],
    ...['birthdate', 'zoneinfo', 'locale', 'updated_at', 'preferred_username'],
  ],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
}

export const personalClaims: readonly string[] = Object.values(claimsOfScope).flat()

const types: Readonly<Record<string, string>> = {
  ...{ email_verified: 'boolean', phone_number_verified: 'boolean', updated_at: 'number' },
  ...{ address: 'object', _claim_names: 'object', _claim_sources: 'object' },
}

/** The types of standard claims in ID tokens and userinfo (OpenID Connect Core §5.1, §5.3.2: nothing is null or empty). */
export function assertClaimTypes(claims: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(claims)) {
    assert.notEqual(value, null, `${name} is null`)
    if (typeof value === 'string') assert.ok(value.trim() !== '' && value !== 'null', `${name} is "${value}"`)
    if (name === 'sub' || personalClaims.includes(name))
      assert.equal(typeof value, types[name] ?? 'string', `the type of ${name}`)
  }
  for (const value of Object.values(claims['address'] ?? {})) assert.equal(typeof value, 'string', 'address')
  if (typeof claims['birthdate'] === 'string') assertBirthdate(claims['birthdate'])
  if (typeof claims['updated_at'] === 'number')
    assert.ok(Number.isInteger(claims['updated_at']) && claims['updated_at'] <= Date.now() / 1000 + 300, 'updated_at')
}

/** YYYY-MM-DD, 0000-MM-DD without the year, or YYYY. */
function assertBirthdate(birthdate: string): void {
  const year = /^(\d{4})(?:-\d{2}-\d{2})?$/.exec(birthdate)?.[1]
  assert.ok(year !== undefined, `birthdate is ${birthdate}`)
  if (birthdate.length > 4) assert.ok(!Number.isNaN(Date.parse(birthdate.replace(/^0000/, '2000'))), birthdate)
  if (year === '0000') assert.ok(birthdate.length > 4, birthdate)
  else assert.ok(Number(year) >= 1850 && Number(year) <= new Date().getFullYear(), birthdate)
}
