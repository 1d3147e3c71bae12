/**
 * The unique constraint or unique index that a statement would have broken. Its transaction can only be rolled back then.
 *
 * @returns undefined for any other error. PostgreSQL Appendix A: 23505, unique_violation
 */
export function violatedUniqueness(error: unknown): string | undefined {
  const { code, constraint } = Object(error) as { code?: unknown; constraint?: unknown }
  return code === '23505' && typeof constraint === 'string' ? constraint : undefined
}
