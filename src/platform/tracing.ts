import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'
import type { FastifyPluginCallback } from 'fastify'
import { packageVersion } from './config/installation-folder.ts'
import type { DatabaseLog } from './log.ts'

/** Tracing is enabled but cannot start. */
export class TracingUnavailable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TracingUnavailable'
  }
}

export interface Tracing {
  /** Creates a span for each request. Register it before the routes. */
  readonly plugin: FastifyPluginCallback
  /** Sends the remaining spans. */
  stop(): Promise<void>
}

interface Packages {
  readonly api: typeof import('@opentelemetry/api')
  readonly otlp: typeof import('@opentelemetry/exporter-trace-otlp-proto')
  readonly resources: typeof import('@opentelemetry/resources')
  readonly sdk: typeof import('@opentelemetry/sdk-trace-node')
  readonly fastifyOtel: Pick<typeof import('@fastify/otel'), 'FastifyOtelInstrumentation'>
}

type Environment = Readonly<Record<string, string | undefined>>

/** Polled by machines: spans of these would only be noise. */
const untracedPaths: readonly string[] = ['/healthz', '/readyz', '/metrics']

/** The only attributes of a span that are exported. The others that the instrumentation sets, above all the URL, may hold a code or a token. */
const exportedAttributes = ['http.request.method', 'http.route', 'http.response.status_code', 'signet.request_id']

/**
 * Starts tracing if OpenTelemetry's own environment variables enable it. The SDK reads endpoint, headers, sampler and batch settings from the
 * environment of the process. If tracing is not enabled, no package is loaded.
 *
 * @param load loads the packages, which are optional dependencies
 * @returns undefined if tracing is not enabled
 * @throws TracingUnavailable
 */
export async function startTracing(
  environment: Environment,
  log: DatabaseLog,
  load: () => Promise<Packages> = loadPackages,
): Promise<Tracing | undefined> {
  const enabledBy = enablingVariable(environment)
  if (enabledBy === undefined) return undefined
  const protocol = environment['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || environment['OTEL_EXPORTER_OTLP_PROTOCOL']
  if (protocol && protocol !== 'http/protobuf')
    throw new TracingUnavailable(
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}, but Signet can send traces only as http/protobuf.`,
    )
  const { api, otlp, resources, sdk, fastifyOtel } = await load().catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new TracingUnavailable(
      `${enabledBy} enables tracing, but the packages for it are not installed: install Signet without --omit=optional, or unset that variable.`,
    )
  })

  const warn = (message: string, ...detail: unknown[]) => log.warn({ detail: [message, ...detail] }, 'OpenTelemetry')
  const quiet = () => {}
  const diagnostics = { error: warn, warn, info: quiet, debug: quiet, verbose: quiet }
  api.diag.setLogger(diagnostics, api.DiagLogLevel.WARN)
  const provider = new sdk.NodeTracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': 'signet', 'service.version': packageVersion() }))
      // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(withoutSecrets(new otlp.OTLPTraceExporter()))],
  })
  // Spans have no children here, so nothing has to follow a request through the callbacks.
  provider.register({ contextManager: null })
  const instrumentation = new fastifyOtel.FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    ignorePaths: ({ url }) => untracedPaths.includes(url),
    requestHook: (span, { id, method, routeOptions }) => {
      span.updateName(`${method} ${routeOptions.url ?? ''}`.trim())
      span.setAttribute('signet.request_id', id)
    },
  })
  instrumentation.setTracerProvider(provider)
  return {
    plugin: instrumentation.plugin(),
    stop: async () => {
      await provider.shutdown().catch((err: unknown) => log.warn({ err }, 'The last traces could not be sent.'))
      for (const global of [api.trace, api.propagation, api.diag]) global.disable()
    },
  }
}

/** OpenTelemetry, General SDK Configuration and OTLP Exporter Configuration. An empty value counts as unset. */
function enablingVariable(environment: Environment): string | undefined {
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined
  if (environment['OTEL_TRACES_EXPORTER'] === 'none') return undefined
  return ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].find((name) => environment[name])
}

async function loadPackages(): Promise<Packages> {
  const [api, otlp, resources, sdk, fastifyOtel] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-node'),
    import('@fastify/otel'),
  ])
  return { api, otlp, resources, sdk, fastifyOtel }
}

/** Exports only the spans of requests, and of those only what holds no secret. */
function withoutSecrets(exporter: SpanExporter): SpanExporter {
  const spanKindServer = 1
  return {
    export: (spans, done) => exporter.export(spans.filter(({ kind }) => kind === spanKindServer).map(stripped), done),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
}

function stripped(span: ReadableSpan): ReadableSpan {
  const failed = Number(span.attributes['http.response.status_code']) >= 500
  // `tracestate` is text from the caller (Trace Context §3.3).
  const { traceState: _, ...context } = span.spanContext()
  const kept: Partial<ReadableSpan> = {
    attributes: Object.fromEntries(
      Object.entries(span.attributes).filter(([name]) => exportedAttributes.includes(name)),
    ),
    // Semantic conventions for HTTP: in server spans, 5xx is an error and 4xx is not. A message would be that of the exception.
    status: { code: failed ? 2 : 0 },
    spanContext: () => context,
    events: [],
    links: [],
  }
  // The span computes some of its other members.
  return Object.create(span, Object.getOwnPropertyDescriptors(kept))
}
