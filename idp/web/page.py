"""Class-based pages, built once with what they need; requests share an instance, so it holds no request state."""

from flask.views import MethodView, View


class Page(MethodView):
    """A page with one function for each HTTP method it accepts."""

    init_every_request = False


class Endpoint(View):
    """A page that handles GET and POST alike."""

    init_every_request = False
    methods = ["GET", "POST"]
