import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'
import type { FastifyPluginCallback } from 'fastify'
import { packageVersion } from './config/installation-folder.ts'
import type { DatabaseLog } from './log.ts'

/** Traces are asked for and cannot be had. */
export class TracingUnavailable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TracingUnavailable'
  }
}

export interface Tracing {
  /** Makes a span of each request. To be registered before the routes. */
  readonly plugin: FastifyPluginCallback
  /** Sends what has not been sent yet. */
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

/** Who asks by these is nobody whose way is worth following. */
const untraced: readonly string[] = ['/healthz', '/readyz', '/metrics']

/** All that leaves this process of a span. The rest of what the instrumentation notes, the URL first of all, may hold a code or a token. */
const told = ['http.request.method', 'http.route', 'http.response.status_code', 'signet.request_id']

/**
 * Begins to trace requests where OpenTelemetry's own variables ask for it. Endpoint, headers, sampler and batches are read by the SDK from
 * the process's environment; nothing of it is loaded where it is not asked for.
 *
 * @param load how the packages come, which are optional
 * @returns undefined where no traces are asked for
 * @throws TracingUnavailable
 */
export async function startTracing(
  environment: Environment,
  log: DatabaseLog,
  load: () => Promise<Packages> = loadPackages,
): Promise<Tracing | undefined> {
  const asking = askingVariable(environment)
  if (asking === undefined) return undefined
  const protocol = environment['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || environment['OTEL_EXPORTER_OTLP_PROTOCOL']
  if (protocol && protocol !== 'http/protobuf')
    throw new TracingUnavailable(
      `Traces are sent as http/protobuf and in no other way, but OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}.`,
    )
  const { api, otlp, resources, sdk, fastifyOtel } = await load().catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new TracingUnavailable(
      `${asking} asks for traces, but the packages for them are not installed: install Signet without --omit=optional, or unset it.`,
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
    ignorePaths: ({ url }) => untraced.includes(url),
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

/** OpenTelemetry, General SDK Configuration and OTLP Exporter Configuration. An empty value counts as none. */
function askingVariable(environment: Environment): string | undefined {
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

/** An exporter of the spans of requests, with what may be told of them and nothing else. */
function withoutSecrets(exporter: SpanExporter): SpanExporter {
  const spanKindServer = 1
  return {
    export: (spans, done) => exporter.export(spans.filter(({ kind }) => kind === spanKindServer).map(bare), done),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
}

function bare(span: ReadableSpan): ReadableSpan {
  const failed = Number(span.attributes['http.response.status_code']) >= 500
  // `tracestate` is the caller's own text (Trace Context §3.3).
  const { traceState: _, ...context } = span.spanContext()
  const shown: Partial<ReadableSpan> = {
    attributes: Object.fromEntries(Object.entries(span.attributes).filter(([name]) => told.includes(name))),
    // Semantic conventions for HTTP: of a server's spans, 5xx are errors and 4xx are not. The message would be that of the exception.
    status: { code: failed ? 2 : 0 },
    spanContext: () => context,
    events: [],
    links: [],
  }
  // The span computes some of its other members.
  return Object.create(span, Object.getOwnPropertyDescriptors(shown))
}
