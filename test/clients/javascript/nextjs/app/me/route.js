import { auth } from '../../auth.js'

export async function GET() {
  const session = await auth()
  return session?.user ? Response.json(session.user) : new Response(null, { status: 401 })
}
