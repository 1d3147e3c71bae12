import type { Application } from './application.ts'
import { beyondOpenid, onServer, type Part, type Recipe } from './recipe.ts'
import { codeIf, dotenv, json, listOf, ruby, rust } from './writing.ts'

/** Strings of Go are written as in JSON. */
const go = json

const environment = ({ clientId, secret }: Application): Part => ({
  file: 'the environment',
  language: 'sh',
  text: dotenv`
    CLIENT_ID=${clientId}
    CLIENT_SECRET=${secret}
  `,
})

export const goRustAndRubyRecipes = {
  'go-oidc': {
    title: 'go-oidc and x/oauth2',
    ways: ['confidential', 'public'],
    publicKind: 'native',
    callback: '/callback',
    parts: (app) => [
      environment(app),
      {
        file: 'main.go',
        language: 'go',
        text: go`
          provider, err := oidc.NewProvider(ctx, ${app.issuer})
          if err != nil {
          	return err
          }
          config := oauth2.Config{
          	ClientID:     os.Getenv("CLIENT_ID"),
          	${codeIf(app.secret, 'ClientSecret: os.Getenv("CLIENT_SECRET"),')}
          	Endpoint:     provider.Endpoint(),
          	RedirectURL:  ${app.redirectUri},
          	Scopes:       []string{${listOf('json', app.signInScopes)}},
          }

          // To sign in: keep verifier and state in the session, and redirect to url.
          verifier := oauth2.GenerateVerifier()
          state := rand.Text()
          url := config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))

          // At the redirect URI, after comparing state:
          token, err := config.Exchange(ctx, r.URL.Query().Get("code"), oauth2.VerifierOption(verifier))
          if err != nil {
          	return err
          }
          rawIDToken, _ := token.Extra("id_token").(string)
          idToken, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, rawIDToken)
          if err != nil {
          	return err
          }
          userInfo, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
        `,
      },
    ],
  },
  goth: {
    title: 'goth',
    ways: ['confidential'],
    because: 'cannot send PKCE, which a public client needs',
    callback: '/auth/openid-connect/callback',
    sends: 'neither',
    parts: (app) => [
      environment(app),
      {
        file: 'main.go',
        language: 'go',
        text: go`
          provider, err := openidConnect.New(
          	os.Getenv("CLIENT_ID"),
          	os.Getenv("CLIENT_SECRET"),
          	${app.redirectUri},
          	${`${app.issuer}/.well-known/openid-configuration`},
          	${listOf('json', app.signInScopes)},
          )
          if err != nil {
          	return err
          }
          goth.UseProviders(provider)
        `,
      },
    ],
  },
  'openidconnect-rs': {
    title: 'openidconnect-rs',
    ways: ['confidential', 'public'],
    publicKind: 'native',
    callback: '/callback',
    secretBy: 'client_secret_basic',
    parts: (app) => [
      environment(app),
      {
        file: 'main.rs',
        language: 'rust',
        text: rust`
          let http_client = reqwest::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build()?;
          let issuer = IssuerUrl::new(${app.issuer}.to_string())?;
          let metadata = CoreProviderMetadata::discover_async(issuer, &http_client).await?;
          ${codeIf(app.secret, 'let secret = Some(ClientSecret::new(std::env::var("CLIENT_SECRET")?));')}
          ${codeIf(app.secret === undefined, 'let secret = None;')}
          let client = CoreClient::from_provider_metadata(metadata, ClientId::new(std::env::var("CLIENT_ID")?), secret)
              .set_redirect_uri(RedirectUrl::new(${app.redirectUri}.to_string())?);

          // To sign in: keep pkce_verifier, csrf_token and nonce in the session, and redirect to auth_url.
          let (pkce_challenge, pkce_verifier) = PkceCodeChallenge::new_random_sha256();
          let (auth_url, csrf_token, nonce) = client
              .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
              ${codeIf(beyondOpenid(app).length > 0, `.add_scopes([${listOf('rust', beyondOpenid(app)).code}].map(|scope| Scope::new(scope.to_string())))`)}
              .set_pkce_challenge(pkce_challenge)
              .url();

          // At the redirect URI, after comparing csrf_token with state:
          let tokens = client
              .exchange_code(AuthorizationCode::new(code))?
              .set_pkce_verifier(pkce_verifier)
              .request_async(&http_client)
              .await?;
          let id_token = tokens.id_token().ok_or("no ID token")?;
          let claims = id_token.claims(&client.id_token_verifier(), &nonce)?;
        `,
      },
    ],
  },
  omniauth: {
    title: 'omniauth_openid_connect',
    ways: ['confidential'],
    because: onServer,
    callback: '/auth/signet/callback',
    secretBy: 'client_secret_basic',
    notes: ['The fork gitlab-omniauth-openid-connect has no option pkce and ignores it; it sends a nonce.'],
    parts: (app) => [
      environment(app),
      {
        file: 'config/initializers/omniauth.rb',
        language: 'ruby',
        text: ruby`
          Rails.application.config.middleware.use OmniAuth::Builder do
            provider :openid_connect, {
              name: :signet,
              issuer: ${app.issuer},
              discovery: true,
              scope: [${{ code: app.signInScopes.map((scope) => `:${scope}`).join(', ') }}],
              response_type: :code,
              pkce: true,
              client_options: {
                identifier: ENV.fetch("CLIENT_ID"),
                secret: ENV.fetch("CLIENT_SECRET"),
                redirect_uri: ${app.redirectUri},
              },
            }
          end
        `,
      },
    ],
  },
} satisfies Record<string, Recipe>
