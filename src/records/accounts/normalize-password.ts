/**
 * The form in which a password is judged and hashed: the same one typed on two keyboards can arrive as different code points (NIST
 * SP 800-63B-4 §3.1.1.2).
 */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}
