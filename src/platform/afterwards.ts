import type { DatabaseLog } from './database/log.ts'

/** Work that may wait a little, so that much of it is done at once. */
export interface Afterwards {
  /** Says that there is something to do. */
  due(): void
  /** Does what is due at once, and ends. */
  stop(): Promise<void>
}

/**
 * @param waitMs milliseconds after which what became due is done, together with what became due meanwhile
 * @param work what it throws is logged: nobody is left to tell
 */
export function createAfterwards(waitMs: number, work: () => Promise<void>, log: DatabaseLog): Afterwards {
  let timer: NodeJS.Timeout | undefined
  let underWay: Promise<void> = Promise.resolve()
  const run = () => {
    timer = undefined
    underWay = underWay
      .then(work)
      .catch((err: unknown) => log.warn({ err }, 'Something could not be written down afterwards.'))
    return underWay
  }
  return {
    due: () => {
      timer ??= setTimeout(run, waitMs).unref()
    },
    stop: async () => {
      if (timer === undefined) return underWay
      clearTimeout(timer)
      await run()
    },
  }
}
