"""JupyterHub with oauthenticator's documented setup for an OpenID Connect provider, without proxy and notebook servers."""

import os

from jupyterhub.handlers import BaseHandler
from jupyterhub.proxy import Proxy
from tornado import web

c = get_config()  # noqa: F821

c.JupyterHub.authenticator_class = "generic-oauth"

# OAuth2 application info
c.GenericOAuthenticator.client_id = os.environ["CLIENT_ID"]
c.GenericOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]
c.GenericOAuthenticator.oauth_callback_url = os.environ["BASE_URL"] + "/hub/oauth_callback"

# Identity provider info
c.GenericOAuthenticator.authorize_url = os.environ["ISSUER"] + "/authorize"
c.GenericOAuthenticator.token_url = os.environ["ISSUER"] + "/token"
c.GenericOAuthenticator.userdata_url = os.environ["ISSUER"] + "/userinfo"

# What we request about the user
c.GenericOAuthenticator.scope = ["openid", "email", "groups"]
c.GenericOAuthenticator.username_claim = "email"

# Authorization
c.GenericOAuthenticator.allow_all = True


class NoProxy(Proxy):
    """The hub is reached directly: users' servers are not part of the trial."""

    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {}


class Me(BaseHandler):
    @web.authenticated
    async def get(self):
        auth_state = await self.current_user.get_auth_state()
        self.set_header("content-type", "application/json")
        self.write({"username": self.current_user.name, **auth_state["oauth_user"]})


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = os.environ["BASE_URL"]
c.JupyterHub.hub_bind_url = "http://127.0.0.1:" + os.environ["PORT"]
c.JupyterHub.extra_handlers = [("/me", Me)]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret_file = "cookie-secret"

# Keeps what the provider said about the user, for /me.
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [os.urandom(32)]
