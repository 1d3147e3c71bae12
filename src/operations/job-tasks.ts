import type { RunningJob } from '../platform/jobs/running-job.ts'
import type { Signet } from '../signet.ts'
import { sendRecovery } from './request-recovery.ts'
import { sendLogoutToken } from './send-logout-token.ts'
import { sendMail } from './send-mail.ts'

/** Does the work of a job. If it throws, the job is tried again later, unless `job.isLast`. It may run more than once. */
export type JobTask = (signet: Signet, payload: unknown, job: RunningJob) => Promise<void>

/** The tasks of the worker for everything that a person may be waiting for, by the names that `addJob` is called with. A name stays as it is for as long as jobs of earlier releases may be waiting. */
export const jobTasks: Readonly<Record<string, JobTask>> = {
  deliver_mail: sendMail,
  // The name in the previous release, which does not know all mails of this one, and so must not take them.
  send_mail: sendMail,
  recover: sendRecovery,
}

/**
 * The tasks of another worker, which asks servers of other people. However many of those do not respond, no mail waits for them. Jobs for these tasks are added by
 * a trigger (sql/033.do.back-channel-logout.sql).
 */
export const noticeTasks: Readonly<Record<string, JobTask>> = { send_logout_token: sendLogoutToken }
