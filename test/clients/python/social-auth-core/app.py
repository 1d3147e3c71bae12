"""social-auth-core (Python Social Auth) in Django, with its documented minimum configuration of the OIDC backend."""

import os
import sys

from django.conf import settings

settings.configure(
    SECRET_KEY=os.urandom(24).hex(),
    DEBUG=True,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "social_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["social_core.backends.open_id_connect.OpenIdConnectAuth"],
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=os.environ["ISSUER"],
    SOCIAL_AUTH_OIDC_KEY=os.environ["CLIENT_ID"],
    SOCIAL_AUTH_OIDC_SECRET=os.environ["CLIENT_SECRET"],
    LOGIN_REDIRECT_URL="/me",
)

import django  # noqa: E402

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.urls import include, path, reverse  # noqa: E402


def login(request):
    return HttpResponse(
        f"""<form method="post" action="{reverse("social:begin", args=["oidc"])}">
<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">
<button>Sign in with Signet</button>
</form>"""
    )


def me(request):
    account = request.user.social_auth.get(provider="oidc")
    user = request.user
    return JsonResponse({"sub": account.uid, "name": user.get_full_name(), "email": user.email, "username": user.username})


urlpatterns = [path("", include("social_django.urls", namespace="social")), path("login", login), path("me", me)]

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "migrate", "--verbosity", "0"])
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", "127.0.0.1:" + os.environ["PORT"]])
