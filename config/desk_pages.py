"""The pages between an approval and the first login: URL, name, view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.web import activation

if TYPE_CHECKING:
    from config.wiring import Provider
    from idp.web.browser import Surroundings
    from idp.web.code_desk import CodeDesk
    from idp.web.routes import Routes


def desk_pages(p: Provider, around: Surroundings, desk: CodeDesk) -> Routes:
    """The link of an approval, the code and the first password."""
    shared = (around, p.desk.activations, desk)
    return [
        ("/a/<token>", "activation", activation.Link.as_view("activation", around, p.desk.activations)),
        ("/activate", "activate", activation.Whose.as_view("activate", *shared)),
        ("/activate/code", "activate_code", activation.Code.as_view("activate_code", *shared)),
        ("/activate/password", "first_password", activation.FirstPassword.as_view("first_password", *shared)),
    ]
