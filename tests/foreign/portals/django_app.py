"""A portal on Django; a name on the last page says who is logged in."""

import os
import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings

DEBUG = True
SECRET_KEY = "a key of the test"
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "portal"
LOGIN_REDIRECT_URL = "/me"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "portal.db"}}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
sys.modules["portal"] = sys.modules["__main__"]

# CONFIGURATION

if "OIDC_RP_CLIENT_ID" in globals():
    INSTALLED_APPS.append("mozilla_django_oidc")
names = {name: value for name, value in globals().items() if name.isupper()}
no_migrations = {app.rpartition(".")[2]: None for app in [*INSTALLED_APPS, "openid_connect"]}
settings.configure(**names, MIGRATION_MODULES=no_migrations)
django.setup()

# SECOND

from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402


def me(request):
    return HttpResponse(f"<main data-page='me'>{request.user.get_full_name()}</main>")


def home(request):
    return HttpResponse("<form method=post action=/login/oidc/><button id=begin>Begin</button></form>")


urlpatterns = [path("me", me), path("", home)]
if "OIDC_RP_CLIENT_ID" in names:
    urlpatterns.append(path("oidc/", include("mozilla_django_oidc.urls")))
if "SOCIAL_AUTH_OIDC_KEY" in names:
    urlpatterns.append(path("", include("social_django.urls", namespace="social")))
if "SOCIALACCOUNT_PROVIDERS" in names:
    urlpatterns.append(path("accounts/", include("allauth.urls")))
call_command("migrate", run_syncdb=True, verbosity=0)
make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application()).serve_forever()
