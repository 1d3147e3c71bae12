/**
 * The name of the unique constraint or index that a statement violated. Its transaction can then only be rolled back.
 *
 * @returns undefined for any other error. PostgreSQL Appendix A: 23505, unique_violation
 */
export function violatedUniqueConstraint(error: unknown): string | undefined {
  const { code, constraint } = Object(error) as { code?: unknown; constraint?: unknown }
  return code === '23505' && typeof constraint === 'string' ? constraint : undefined
}
