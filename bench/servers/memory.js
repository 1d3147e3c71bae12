// How Signet uses memory in its image and its systemd unit. docs/deploy.md ("Resource requirements") says why.

/** Of malloc in glibc. */
export const memory = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(45 * 1024 * 1024),
}

/** Of node. */
export const flags = ['--max-semi-space-size=8']
