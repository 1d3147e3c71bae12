const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Reads a duration such as `15m` or `90d`; returns whole seconds, or undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * secondsPerUnit[match[2] as keyof typeof secondsPerUnit]
}

/** Writes seconds the way the settings do: the largest unit that leaves no remainder. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const)
    if (seconds > 0 && seconds % secondsPerUnit[unit] === 0) return `${seconds / secondsPerUnit[unit]}${unit}`
  return `${seconds}s`
}
