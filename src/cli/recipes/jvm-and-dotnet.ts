import type { Application } from './application.ts'
import { beyondOpenid, callbackPathOf, isPlainHttp, onServer, type Part, type Recipe } from './recipe.ts'
import { code, codeIf, dotenv, json, listOf, properties, quoted, shell, springYaml } from './writing.ts'

/** Strings of Java and C# are written as in JSON. */
const java = json
const csharp = json
const yaml = (file: string, text: string): Part => ({ file, language: 'yaml', text })
const javaFile = (file: string, text: string): Part => ({ file, language: 'java', text })

const secretOnly = ({ secret }: Application): Part => ({
  file: 'the environment',
  language: 'sh',
  text: dotenv`CLIENT_SECRET=${secret}`,
})

export const jvmAndDotnetRecipes = {
  spring: {
    title: 'Spring Boot (OAuth2 client)',
    ways: ['confidential'],
    because: onServer,
    callback: '/login/oauth2/code/signet',
    callbackIsFixed: true,
    sends: 'nonce',
    notes: [
      'The path of the redirect URI contains the registration id, signet.',
      'To send PKCE as well: OAuth2AuthorizationRequestCustomizers.withPkce() in the authorization request resolver.',
    ],
    parts: (app) => [
      secretOnly(app),
      yaml(
        'application.yml',
        springYaml`
          spring:
            security:
              oauth2:
                client:
                  registration:
                    signet:
                      client-id: ${app.clientId}
                      client-secret: "\${CLIENT_SECRET}"
                      client-authentication-method: ${app.secretBy}
                      scope: [${listOf('springYaml', app.signInScopes)}]
                  provider:
                    signet:
                      issuer-uri: ${app.issuer}
        `,
      ),
      ...(app.idTokenAlg === 'RS256'
        ? []
        : [
            javaFile(
              'in a @Configuration class',
              java`
                @Bean
                JwtDecoderFactory<ClientRegistration> idTokenDecoderFactory() {
                    var factory = new OidcIdTokenDecoderFactory();
                    factory.setJwsAlgorithmResolver(registration -> SignatureAlgorithm.from(${app.idTokenAlg}));
                    return factory;
                }
              `,
            ),
          ]),
    ],
  },
  'spring-resource-server': {
    title: 'Spring Boot (resource server)',
    ways: ['machine', 'confidential', 'public', 'key'],
    notes: [
      'It checks the access tokens that the client gets. The audience is the identifier of the API: signet resources list.',
      'Access tokens have the type at+jwt (RFC 9068 section 2.1). Without validateType(false) Spring refuses it, so the validator names it.',
    ],
    parts: (app) => [
      javaFile(
        'in a @Configuration class',
        java`
          @Bean
          JwtDecoder jwtDecoder() {
              NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(${app.issuer}).validateType(false).build();
              decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
                  new JwtTimestampValidator(),
                  new JwtTypeValidator("at+jwt"),
                  new JwtIssuerValidator(${app.issuer}),
                  new JwtClaimValidator<List<String>>(JwtClaimNames.AUD, audience -> audience.contains(${app.resource ?? 'https://api.example.com'}))));
              return decoder;
          }
        `,
      ),
    ],
  },
  nimbus: {
    title: 'Nimbus OAuth 2.0 SDK',
    ways: ['confidential', 'public'],
    publicKind: 'native',
    callback: '/callback',
    parts: (app) => {
      const method = app.secretBy === 'client_secret_post' ? 'ClientSecretPost' : 'ClientSecretBasic'
      return [
        ...(app.way === 'public' ? [] : [secretOnly(app)]),
        javaFile(
          'SignIn.java',
          java`
            OIDCProviderMetadata signet = OIDCProviderMetadata.resolve(new Issuer(${app.issuer}));
            ClientID clientID = new ClientID(${app.clientId});
            URI redirectURI = new URI(${app.redirectUri});
            ${codeIf(app.way !== 'public', `ClientAuthentication authentication = new ${method}(clientID, new Secret(System.getenv("CLIENT_SECRET")));`)}

            // To sign in: keep verifier, state and nonce in the session, and redirect to request.toURI().
            CodeVerifier verifier = new CodeVerifier();
            State state = new State();
            Nonce nonce = new Nonce();
            AuthenticationRequest request = new AuthenticationRequest.Builder(
                    new ResponseType("code"), new Scope(${listOf('json', app.signInScopes)}), clientID, redirectURI)
                .endpointURI(signet.getAuthorizationEndpointURI())
                .codeChallenge(verifier, CodeChallengeMethod.S256)
                .state(state)
                .nonce(nonce)
                .build();

            // At the redirect URI: code is from the checked response.
            AuthorizationGrant grant = new AuthorizationCodeGrant(code, redirectURI, verifier);
            ${codeIf(app.way !== 'public', 'TokenRequest exchange = new TokenRequest(signet.getTokenEndpointURI(), authentication, grant);')}
            ${codeIf(app.way === 'public', 'TokenRequest exchange = new TokenRequest(signet.getTokenEndpointURI(), clientID, grant);')}
            OIDCTokens tokens = OIDCTokenResponse.parse(exchange.toHTTPRequest().send()).getOIDCTokens();
            IDTokenValidator validator = new IDTokenValidator(
                signet.getIssuer(), clientID, JWSAlgorithm.parse(${app.idTokenAlg}), signet.getJWKSetURI().toURL());
            IDTokenClaimsSet claims = validator.validate(tokens.getIDToken(), nonce);
          `,
        ),
      ]
    },
  },
  quarkus: {
    title: 'Quarkus (quarkus-oidc)',
    ways: ['confidential'],
    because: onServer,
    callback: '/callback',
    parts: (app) => [
      {
        file: 'the environment',
        language: 'sh',
        text:
          app.secretBy === 'client_secret_post'
            ? dotenv`QUARKUS_OIDC_CREDENTIALS_CLIENT_SECRET_VALUE=${app.secret}`
            : dotenv`QUARKUS_OIDC_CREDENTIALS_SECRET=${app.secret}`,
      },
      {
        file: 'application.properties',
        language: 'properties',
        text: properties`
          quarkus.oidc.auth-server-url=${app.issuer}
          quarkus.oidc.client-id=${app.clientId}
          quarkus.oidc.application-type=web-app
          ${codeIf(app.secretBy === 'client_secret_post', 'quarkus.oidc.credentials.client-secret.method=post')}
          quarkus.oidc.authentication.redirect-path=${callbackPathOf(app)}
          quarkus.oidc.authentication.restore-path-after-redirect=true
          quarkus.oidc.authentication.scopes=${beyondOpenid(app).join(',') || undefined}
          quarkus.oidc.authentication.pkce-required=true
          ${codeIf(!app.profileInIdToken, 'quarkus.oidc.authentication.user-info-required=true')}
          quarkus.http.auth.permission.authenticated.paths=/*
          quarkus.http.auth.permission.authenticated.policy=authenticated
        `,
      },
    ],
  },
  dotnet: {
    title: 'ASP.NET Core (AddOpenIdConnect)',
    ways: ['confidential'],
    because: onServer,
    callback: '/signin-oidc',
    secretBy: 'client_secret_post',
    notes: [
      'After signing out, users return to /signout-callback-oidc: register it with --post-logout-redirect-uri.',
      'Its name for a person is the claim name. MapInboundClaims = false keeps the names of the claims.',
    ],
    parts: (app) => [
      {
        file: 'a shell, in the folder of the project',
        language: 'sh',
        text: shell`dotnet user-secrets set Signet:ClientSecret ${app.secret}`,
      },
      {
        file: 'Program.cs',
        language: 'csharp',
        text: csharp`
          builder.Services
              .AddAuthentication(options =>
              {
                  options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;
                  options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;
              })
              .AddCookie()
              .AddOpenIdConnect(options =>
              {
                  options.Authority = ${app.issuer};
                  options.ClientId = ${app.clientId};
                  options.ClientSecret = builder.Configuration["Signet:ClientSecret"];
                  options.ResponseType = OpenIdConnectResponseType.Code;
                  options.ResponseMode = OpenIdConnectResponseMode.Query;
                  ${callbackPathOf(app) === '/signin-oidc' ? undefined : code(`options.CallbackPath = ${quoted('json', callbackPathOf(app))};`)}
                  ${codeIf(isPlainHttp(app), 'options.RequireHttpsMetadata = false; // only for http on your own machine')}
                  options.Scope.Clear();
                  foreach (var scope in new[] { ${listOf('json', app.signInScopes)} }) options.Scope.Add(scope);
                  ${codeIf(!app.profileInIdToken, 'options.GetClaimsFromUserInfoEndpoint = true;')}
                  options.MapInboundClaims = false;
                  options.TokenValidationParameters.NameClaimType = "name";
                  options.SaveTokens = true;
              });
        `,
      },
    ],
  },
} satisfies Record<string, Recipe>
