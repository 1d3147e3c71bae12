import type { Application } from './application.ts'
import { callbackPathOf, isPlainHttp, onServer, type Part, type Recipe, scopeOf } from './recipe.ts'
import { codeIf, dotenv, json, listOf } from './writing.ts'

/** Strings of Python are written as in JSON. */
const python = json
const py = (file: string, text: string): Part => ({ file, language: 'python', text })

const environment = ({ issuer, clientId, secret }: Application): Part => ({
  file: 'the environment',
  language: 'sh',
  text: dotenv`
    ISSUER=${issuer}
    CLIENT_ID=${clientId}
    CLIENT_SECRET=${secret}
  `,
})

/** oauthlib refuses plain http otherwise. */
const insecureTransport = (app: Application) =>
  codeIf(isPlainHttp(app), 'os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # only for http on your own machine')

export const pythonRecipes = {
  authlib: {
    title: 'Authlib (Flask)',
    ways: ['confidential'],
    because: onServer,
    callback: '/callback',
    parts: (app) => [
      {
        file: 'the environment',
        language: 'sh',
        text: dotenv`
          # SESSION_SECRET signs the sessions of your application: openssl rand -hex 32
          SESSION_SECRET=
          ISSUER=${app.issuer}
          CLIENT_ID=${app.clientId}
          CLIENT_SECRET=${app.secret}
        `,
      },
      py(
        'app.py',
        python`
          import os

          from authlib.integrations.flask_client import OAuth
          from flask import Flask, session, url_for

          app = Flask(__name__)
          app.secret_key = os.environ["SESSION_SECRET"]
          oauth = OAuth(app)
          oauth.register(
              name="signet",
              client_id=os.environ["CLIENT_ID"],
              client_secret=os.environ["CLIENT_SECRET"],
              server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
              client_kwargs={"scope": ${scopeOf(app)}, "code_challenge_method": "S256"},
              ${codeIf(app.secretBy, `token_endpoint_auth_method="${app.secretBy}",`)}
          )


          @app.route("/login")
          def login():
              return oauth.signet.authorize_redirect(${app.redirectUri})


          @app.route(${callbackPathOf(app)})
          def callback():
              token = oauth.signet.authorize_access_token()
              ${codeIf(app.profileInIdToken, 'session["user"] = token["userinfo"]  # the claims of the ID token')}
              ${codeIf(!app.profileInIdToken, 'session["user"] = oauth.signet.userinfo(token=token)')}
              return session["user"]
        `,
      ),
    ],
  },
  'requests-oauthlib': {
    title: 'requests-oauthlib',
    ways: ['confidential', 'machine'],
    because: 'is configured with a secret here',
    callback: '/callback',
    secretBy: 'client_secret_basic',
    notes: ['It does not know OpenID Connect: take the person from userinfo, as here, and do not use the ID token.'],
    parts: (app) =>
      app.way === 'machine'
        ? [
            environment(app),
            py(
              'job.py',
              python`
                import os

                from oauthlib.oauth2 import BackendApplicationClient
                from requests_oauthlib import OAuth2Session

                ${insecureTransport(app)}
                client = BackendApplicationClient(client_id=os.environ["CLIENT_ID"])
                session = OAuth2Session(client=client)
                token = session.fetch_token(
                    os.environ["ISSUER"] + "/token",
                    client_id=os.environ["CLIENT_ID"],
                    client_secret=os.environ["CLIENT_SECRET"],
                    scope=[${listOf('json', app.scopes)}],
                    resource=${app.resource},
                )
              `,
            ),
          ]
        : [
            environment(app),
            py(
              'app.py',
              python`
                import os

                from requests_oauthlib import OAuth2Session

                ${insecureTransport(app)}
                issuer = os.environ["ISSUER"]
                client_id = os.environ["CLIENT_ID"]
                redirect_uri = ${app.redirectUri}

                # To sign in: keep state and signet._code_verifier in the session, and redirect to url.
                scope = [${listOf('json', app.signInScopes)}]
                signet = OAuth2Session(client_id, redirect_uri=redirect_uri, scope=scope, pkce="S256")
                url, state = signet.authorization_url(issuer + "/authorize")

                # At the redirect URI: state and code_verifier are from the session, request_url is the whole URL of the request.
                signet = OAuth2Session(client_id, redirect_uri=redirect_uri, state=state)
                signet.fetch_token(
                    issuer + "/token",
                    authorization_response=request_url,
                    client_secret=os.environ["CLIENT_SECRET"],
                    code_verifier=code_verifier,
                )
                person = signet.get(issuer + "/userinfo").json()
              `,
            ),
          ],
  },
  'django-allauth': {
    title: 'django-allauth',
    ways: ['confidential'],
    because: onServer,
    callback: '/accounts/oidc/signet/login/callback/',
    callbackIsFixed: true,
    notes: [
      'The path of the redirect URI contains the provider_id. oauth_pkce_enabled is needed, because django-allauth sends no nonce.',
    ],
    parts: (app) => [
      environment(app),
      py(
        'settings.py',
        python`
          import os  # at the top of the file

          INSTALLED_APPS += [
              "allauth",
              "allauth.account",
              "allauth.socialaccount",
              "allauth.socialaccount.providers.openid_connect",
          ]
          SOCIALACCOUNT_PROVIDERS = {
              "openid_connect": {
                  "APPS": [
                      {
                          "provider_id": "signet",
                          "name": "Signet",
                          "client_id": os.environ["CLIENT_ID"],
                          "secret": os.environ["CLIENT_SECRET"],
                          "settings": {
                              "server_url": os.environ["ISSUER"],
                              ${codeIf(app.secretBy, `"token_auth_method": "${app.secretBy}",`)}
                              "oauth_pkce_enabled": True,
                          },
                      },
                  ],
              },
          }
        `,
      ),
    ],
  },
  'mozilla-django-oidc': {
    title: 'mozilla-django-oidc',
    ways: ['confidential'],
    because: onServer,
    callback: '/oidc/callback/',
    callbackIsFixed: true,
    notes: ['It finds people by their e-mail address, and refuses those who have none.'],
    parts: (app) => [
      environment(app),
      py(
        'settings.py',
        python`
          import os  # at the top of the file

          INSTALLED_APPS += ["mozilla_django_oidc"]  # after django.contrib.auth
          AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]

          ISSUER = os.environ["ISSUER"]
          OIDC_RP_CLIENT_ID = os.environ["CLIENT_ID"]
          OIDC_RP_CLIENT_SECRET = os.environ["CLIENT_SECRET"]
          OIDC_RP_SIGN_ALGO = ${app.idTokenAlg}
          OIDC_RP_SCOPES = ${scopeOf(app)}
          OIDC_USE_PKCE = True
          ${codeIf(app.secretBy === 'client_secret_basic', 'OIDC_TOKEN_USE_BASIC_AUTH = True')}
          OIDC_OP_AUTHORIZATION_ENDPOINT = ISSUER + "/authorize"
          OIDC_OP_TOKEN_ENDPOINT = ISSUER + "/token"
          OIDC_OP_USER_ENDPOINT = ISSUER + "/userinfo"
          OIDC_OP_JWKS_ENDPOINT = ISSUER + "/.well-known/jwks.json"
          LOGIN_REDIRECT_URL = "/"
          LOGOUT_REDIRECT_URL = "/"
        `,
      ),
      py(
        'urls.py',
        python`
          from django.urls import include, path  # at the top of the file

          urlpatterns += [path("oidc/", include("mozilla_django_oidc.urls"))]
        `,
      ),
    ],
  },
  'social-auth-core': {
    title: 'social-auth-core (python-social-auth)',
    ways: ['confidential'],
    because: onServer,
    callback: '/complete/oidc/',
    callbackIsFixed: true,
    parts: (app) => [
      environment(app),
      py(
        'settings.py',
        python`
          import os  # at the top of the file

          INSTALLED_APPS += ["social_django"]
          AUTHENTICATION_BACKENDS = ["social_core.backends.open_id_connect.OpenIdConnectAuth"]
          SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = os.environ["ISSUER"]
          SOCIAL_AUTH_OIDC_KEY = os.environ["CLIENT_ID"]
          SOCIAL_AUTH_OIDC_SECRET = os.environ["CLIENT_SECRET"]
          SOCIAL_AUTH_OIDC_USE_PKCE = True
          ${codeIf(app.secretBy, `SOCIAL_AUTH_OIDC_TOKEN_ENDPOINT_AUTH_METHOD = "${app.secretBy}"`)}
          ${codeIf(app.idTokenAlg !== 'RS256', `SOCIAL_AUTH_OIDC_JWT_ALGORITHMS = ["${app.idTokenAlg}"]`)}
        `,
      ),
    ],
  },
  pgadmin: {
    title: 'pgAdmin 4',
    ways: ['confidential'],
    because: onServer,
    callback: '/oauth2/authorize',
    callbackIsFixed: true,
    notes: ['It needs an e-mail address: people without one cannot sign in.'],
    parts: (app) => [
      py(
        'config_local.py',
        python`
          AUTHENTICATION_SOURCES = ["oauth2", "internal"]
          OAUTH2_AUTO_CREATE_USER = True
          OAUTH2_CONFIG = [
              {
                  "OAUTH2_NAME": "signet",
                  "OAUTH2_DISPLAY_NAME": "Signet",
                  "OAUTH2_CLIENT_ID": ${app.clientId},
                  "OAUTH2_CLIENT_SECRET": ${app.secret},
                  "OAUTH2_SERVER_METADATA_URL": ${`${app.issuer}/.well-known/openid-configuration`},
                  "OAUTH2_SCOPE": ${scopeOf(app)},
                  "OAUTH2_CHALLENGE_METHOD": "S256",
                  "OAUTH2_RESPONSE_TYPE": "code",
              },
          ]
        `,
      ),
    ],
  },
  jupyterhub: {
    title: 'JupyterHub (oauthenticator)',
    ways: ['confidential'],
    because: onServer,
    callback: '/hub/oauth_callback',
    callbackIsFixed: true,
    notes: [
      'preferred_username is the user name at Signet. People without one cannot sign in with it: use sub or email instead.',
    ],
    parts: (app) => [
      environment(app),
      py(
        'jupyterhub_config.py',
        python`
          import os

          c.JupyterHub.authenticator_class = "generic-oauth"
          c.GenericOAuthenticator.client_id = os.environ["CLIENT_ID"]
          c.GenericOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]
          c.GenericOAuthenticator.oauth_callback_url = ${app.redirectUri}
          c.GenericOAuthenticator.authorize_url = ${`${app.issuer}/authorize`}
          c.GenericOAuthenticator.token_url = ${`${app.issuer}/token`}
          c.GenericOAuthenticator.userdata_url = ${`${app.issuer}/userinfo`}
          ${codeIf(app.secretBy === 'client_secret_basic', 'c.GenericOAuthenticator.basic_auth = True')}
          c.GenericOAuthenticator.scope = [${listOf('json', app.signInScopes)}]
          c.GenericOAuthenticator.login_service = "Signet"
          c.GenericOAuthenticator.username_claim = "preferred_username"
          c.GenericOAuthenticator.allow_all = True
        `,
      ),
    ],
  },
} satisfies Record<string, Recipe>
