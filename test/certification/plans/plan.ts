import type { Module, Variant } from '../support/play.ts'

/** A module of a plan, and how it ends if it does not simply pass. */
export interface PlannedModule {
  readonly name: string
  readonly module: Module
  /** All warnings that are expected. */
  readonly warnings?: readonly string[]
  /** Why the suite passes over it. */
  readonly skipped?: RegExp
  /** Replaces parts of the plan's variant. */
  readonly variant?: Partial<Variant>
  /** Whether the suite leaves it out with static clients. */
  readonly needsRegistration?: true
}

/** A certification plan with the variant that is played. A plan of several response types is one of these for each of them. */
export interface Plan {
  /** The name in the suite. */
  readonly name: string
  readonly variant: Variant
  readonly modules: readonly PlannedModule[]
  /** Whether `npm test` passes over it, because another variant of the plan has the same code of Signet; see `docs/certification.md`. */
  readonly onRequest?: boolean
}

/** The modules that the suite has with static clients. */
export function withoutRegistration(modules: readonly PlannedModule[]): readonly PlannedModule[] {
  return modules.filter(({ needsRegistration }) => !needsRegistration)
}
