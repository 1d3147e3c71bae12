import { type JobTask, jobTasks, noticeTasks } from './operations/job-tasks.ts'
import { createJobWorker, type JobWorker } from './platform/jobs/job-worker.ts'
import { countNotices, tendJobs } from './platform/jobs/jobs-store.ts'
import type { RunTask } from './platform/jobs/running-job.ts'
import { noMailWarning } from './platform/mail/transport.ts'
import { maxPosts } from './platform/outgoing/outgoing.ts'
import type { Signet } from './signet.ts'

/** The workers of a server. They share one queue, and each takes the jobs of its own tasks only. */
export interface JobWorkers {
  /** E-mails, and everything else that a person may be waiting for. */
  readonly jobs: JobWorker
  /** Requests to servers of other people, who may let them wait. */
  readonly notices: JobWorker
}

/**
 * Creates them without running them. Says in the log where e-mails go if that is not a mail server.
 *
 * @param isNotified whether PostgreSQL notifies this node of new jobs
 */
export function createJobWorkers(signet: Signet, isNotified: boolean): JobWorkers {
  const { database, log, settings } = signet
  const { mail, databaseSchema: schema } = settings
  if (mail.delivery === 'files')
    log.info({ folder: mail.folder }, 'E-mails are written to files instead of being sent.')
  if (mail.delivery === 'none') log.warn({}, `${noMailWarning} Set SIGNET_SMTP_URL and SIGNET_MAIL_FROM.`)
  const common = { database, schema, log, isNotified }
  return {
    jobs: createJobWorker({
      ...common,
      tasks: tasksOf(signet, jobTasks),
      tend: tendJobs,
      consequence: 'no mail is sent',
    }),
    notices: createJobWorker({
      ...common,
      tasks: tasksOf(signet, noticeTasks),
      tend: countNotices,
      concurrency: maxPosts,
      consequence: 'no client is told that somebody has signed out',
    }),
  }
}

function tasksOf(signet: Signet, tasks: Readonly<Record<string, JobTask>>): Record<string, RunTask> {
  return Object.fromEntries(
    Object.entries(tasks).map(([name, task]): [string, RunTask] => [
      name,
      (payload, job) => task(signet, payload, job),
    ]),
  )
}
