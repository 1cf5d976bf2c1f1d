"""The pages between an approval and the first login, and those about one's own data: URL, name, view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.profile_pages import profile_pages
from idp.store.history import SqlHistory
from idp.store.own_copy import SqlOwnCopy
from idp.web import activation, activity, own_copy

if TYPE_CHECKING:
    from config.wiring import Provider
    from idp.web.account import OwnPages
    from idp.web.browser import WebContext
    from idp.web.otp_flow import OtpFlow
    from idp.web.routes import Routes


def desk_pages(p: Provider, context: WebContext, own: OwnPages, desk: OtpFlow) -> Routes:
    """The link of an approval, the code and the first password; what was done, and phones to end."""
    history = SqlHistory(p.base.database, p.base.audit)
    shared = (context, p.desk.activations, desk)
    asked, copied = p.desk.data_requests, SqlOwnCopy(p.base.database, history)
    export = (own, copied.of_account, p.base.audit)
    return [
        ("/account/data", "own_data", own_copy.OwnData.as_view("own_data", own, asked)),
        ("/account/data/export", "export", own_copy.Export.as_view("export", *export)),
        ("/account/data/erase", "erase", own_copy.Erase.as_view("erase", own, asked)),
        ("/account/activity", "activity", activity.Activity.as_view("activity", own, history)),
        ("/account/end-device", "end_device", activity.EndDevice.as_view("end_device", own, p.devices)),
        ("/a/<token>", "activation", activation.ActivationLinkPage.as_view("activation", context, p.desk.activations)),
        ("/activate", "activate", activation.Whose.as_view("activate", *shared)),
        ("/activate/code", "activate_code", activation.ActivationCodePage.as_view("activate_code", *shared)),
        ("/activate/password", "first_password", activation.FirstPassword.as_view("first_password", *shared)),
        *profile_pages(p, own, desk),
    ]
