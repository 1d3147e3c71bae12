import { eventually } from './eventually.ts'

/** What `/readyz` of a node answers. */
export async function readiness(issuer: string): Promise<{ status: number; problems: string[] }> {
  const response = await fetch(`${issuer}/readyz`)
  const { problems = [] } = (await response.json()) as { problems?: string[] }
  return { status: response.status, problems }
}

export async function untilReady(issuer: string): Promise<void> {
  await eventually(
    'the node to be ready',
    () => readiness(issuer),
    ({ status }) => status === 200,
  )
}
