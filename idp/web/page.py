"""Class-based pages that are built once and given what they need; requests share them, so they keep nothing."""

from flask.views import MethodView, View


class Page(MethodView):
    """A page with a method for each HTTP method it takes."""

    init_every_request = False


class Endpoint(View):
    """A page that takes GET and POST alike."""

    init_every_request = False
    methods = ["GET", "POST"]
