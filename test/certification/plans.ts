import { type ResponseType, responseTypes } from '../../src/protocol/oidc-values.ts'
import { verifyDiscovery } from './modules/discovery.ts'
import { basic, hybrid, implicit } from './plans/core-plans.ts'
import * as logout from './plans/logout-plans.ts'
import { type Plan, type PlannedModule, withoutRegistration } from './plans/plan.ts'
import { dynamic, thirdPartyInitiated } from './plans/registration-plans.ts'
import type { Variant } from './support/play.ts'

const staticClient: Variant = {
  registration: 'static_client',
  authentication: 'client_secret_basic',
  responseType: 'code',
  responseMode: 'default',
}

const dynamicClient: Variant = { ...staticClient, registration: 'dynamic_client' }

/** The two plans of a profile, the second with responses by form_post. Each has static clients or clients that register themselves. */
function profile(
  name: string,
  types: readonly ResponseType[],
  modulesFor: (type: ResponseType) => readonly PlannedModule[],
): Plan[] {
  const responses = [
    { plan: `oidcc-${name}-certification-test-plan`, responseMode: 'default' },
    { plan: `oidcc-formpost-${name}-certification-test-plan`, responseMode: 'form_post' },
  ] as const
  return responses.flatMap(({ plan, responseMode }) =>
    [staticClient, dynamicClient].flatMap((clients) =>
      types.map((responseType) => {
        const isStatic = clients === staticClient
        const modules = modulesFor(responseType)
        return {
          name: plan,
          variant: { ...clients, responseMode, responseType },
          modules: isStatic ? withoutRegistration(modules) : modules,
          onRequest: isLeftOut(responseType, responseMode, isStatic),
        }
      }),
    ),
  )
}

/**
 * What clients are registered with is the same for all types, and so is the way of a response. So a type by redirect is played with clients that register themselves, and a form is
 * posted to static clients, with the type that returns most.
 */
function isLeftOut(type: ResponseType, responseMode: Variant['responseMode'], isStatic: boolean): boolean {
  if (responseMode === 'form_post')
    return !isStatic || type === 'id_token' || type === 'code id_token' || type === 'code token'
  return type !== 'code' && isStatic
}

/** Plans about logout, for which the tester chooses a response type. */
function logoutPlan(name: string, modules: readonly PlannedModule[]): Plan[] {
  return [staticClient, dynamicClient].flatMap((clients) =>
    responseTypes.map((responseType) => ({
      name: `oidcc-${name}-certification-test-plan`,
      variant: { ...clients, responseType },
      modules,
      onRequest: !(responseType === 'code' || (responseType === 'id_token' && clients === dynamicClient)),
    })),
  )
}

export const plans: readonly Plan[] = [
  {
    name: 'oidcc-config-certification-test-plan',
    variant: staticClient,
    modules: [{ name: 'oidcc-discovery-endpoint-verification', module: verifyDiscovery }],
  },
  ...profile('basic', ['code'], () => basic),
  ...profile('implicit', ['id_token', 'id_token token'], implicit),
  ...profile('hybrid', ['code id_token', 'code token', 'code id_token token'], hybrid),
  ...responseTypes.map((responseType) => ({
    name: 'oidcc-dynamic-certification-test-plan',
    variant: { ...dynamicClient, authentication: 'private_key_jwt', responseType } as const,
    modules: dynamic(responseType),
    onRequest: responseType !== 'code' && responseType !== 'id_token',
  })),
  {
    name: 'oidcc-3rdparty-init-login-certification-test-plan',
    variant: dynamicClient,
    modules: thirdPartyInitiated,
  },
  ...logoutPlan('rp-initiated-logout', logout.rpInitiated),
  ...logoutPlan('session-management', logout.sessionManagement),
  ...logoutPlan('frontchannel-rp-initiated-logout', logout.frontChannel),
  ...logoutPlan('backchannel-rp-initiated-logout', logout.backChannel),
]
