import type { Queryable } from '../database/queryable.ts'

export interface JobOptions {
  /** When it is run first. Default: as soon as the caller's transaction has been committed. */
  readonly runAt?: Date
  /** A waiting job with the same key is replaced. */
  readonly key?: string
  /** Whether it is run after all others that are due, because nobody is waiting for it. */
  readonly canWait?: boolean
  /** How often it is tried. Default: 13 times, the last one 22 hours after the first. */
  readonly attempts?: number
}

/** graphile-worker waits exp(n) seconds after the n-th attempt, and exp(10) after all later ones. Their sum after twelve is 22 hours. */
const attemptsInADay = 13

/**
 * Adds a job in the caller's transaction. It exists exactly if that is committed, and one of the nodes then runs it soon, at least once: see
 * README.md.
 *
 * @param task its name in `operations/job-tasks.ts`
 * @param payload JSON, stored as it is: seal what must not be readable in the database
 */
export async function addJob(
  tx: Queryable,
  task: string,
  payload: unknown,
  { runAt, key, canWait = false, attempts = attemptsInADay }: JobOptions = {},
): Promise<void> {
  await tx.query({
    name: 'queue-job',
    text: 'SELECT FROM queue_job($1, $2, $3, $4, $5, $6)',
    // One more than the task gets: see job-worker.ts.
    values: [task, JSON.stringify(payload), runAt ?? null, attempts + 1, key ?? null, canWait ? 1 : 0],
  })
}

/**
 * Makes jobs available again that a node has locked for longer than any task takes, because it was killed (graphile-worker itself does that only
 * after four hours), and deletes those that failed for good a month ago.
 *
 * @returns the number of jobs of all tasks that wait, up to 10,000
 */
export async function tendJobs(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ waiting: number }>({ name: 'tend-jobs', text: 'SELECT tend_jobs() AS waiting' })
  return rows[0]!.waiting
}

/**
 * Gives back the attempt of a job that runs, because nothing could be tried. The task then fails, and the job is due again after the delay.
 *
 * @param delay seconds
 */
export async function returnAttempt(db: Queryable, job: string, delay: number): Promise<void> {
  await db.query({
    name: 'return-attempt',
    text: 'SELECT FROM return_attempt($1, make_interval(secs => $2))',
    values: [job, delay],
  })
}

/** @returns the number of notices that wait, up to 10,000: jobs that were added with `queue_notices` */
export async function countNotices(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ waiting: number }>({
    name: 'count-notices',
    text: 'SELECT count_notices() AS waiting',
  })
  return rows[0]!.waiting
}
