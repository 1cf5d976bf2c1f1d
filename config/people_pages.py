"""The pages of a login's further steps, of one's own data and of recovery: URL, name, view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.desk_pages import desk_pages
from config.federation_pages import federation_pages
from config.passkey_pages import passkey_logins_of, passkey_pages
from config.people_wiring import old_password_guesses
from idp.oidc.signed_in import SignedIn
from idp.web import code, eid_recovery, not_me, own_data, password, recovery, take_over
from idp.web.otp_flow import OtpFlow
from idp.web.steps import Steps

if TYPE_CHECKING:
    from config.wiring import Provider
    from idp.web.account import OwnPages
    from idp.web.browser import WebContext
    from idp.web.metrics import Metrics
    from idp.web.routes import Routes


def people_pages(p: Provider, context: WebContext, own: OwnPages, metrics: Metrics) -> Routes:
    """Every page that a one-time code, a password's life or a notice leads to."""
    clock, people = p.base.clock, p.base.people
    steps = Steps(context, p.attempts, p.grant_states, SignedIn(p.grant_states, p.sessions), p.clients, clock)
    desk = OtpFlow(p.codes, p.challenges, clock)
    by_passkey = passkey_logins_of(p)
    changer = password.Changer(steps, p.credentials, p.sessions)
    change = (steps, p.credentials, old_password_guesses(p.base), p.step_rules, changer)
    strong = [upstream for upstream in p.upstream_logins.upstreams.known if upstream.policy.opens_accounts]
    return [
        ("/login/code", "code", code.CodePage.as_view("code", steps, desk, people, by_passkey, p.logins.settle_doubt)),
        ("/login/password", "password", password.PasswordPage.as_view("password", *change)),
        (
            "/login/password/code",
            "password_code",
            password.PasswordCode.as_view("password_code", steps, desk, changer),
        ),
        ("/login/device", "take_over", take_over.TakeOver.as_view("take_over", steps, p.devices)),
        ("/account/details", "details", own_data.Details.as_view("details", own)),
        ("/account/password", "change_password", own_data.ChangePassword.as_view("change_password", own)),
        ("/account/email", "prove_email", own_data.ProveEmail.as_view("prove_email", own, desk, people)),
        (
            "/recover",
            "recover",
            recovery.Recover.as_view("recover", context, p.recoveries, p.challenges, by_eid=bool(strong)),
        ),
        ("/recover/eid", "recover_eid", eid_recovery.ByEid.as_view("recover_eid", own, p.credentials, p.recoveries)),
        ("/recover/sent", "recover_sent", recovery.Sent.as_view("recover_sent", context)),
        ("/recover/code", "recover_code", recovery.RecoverCode.as_view("recover_code", context, p.recoveries)),
        (
            "/recover/password",
            "recover_password",
            recovery.RecoverPassword.as_view("recover_password", context, p.recoveries),
        ),
        ("/r/<handle>", "short_link", recovery.ShortLink.as_view("short_link")),
        ("/not-me/<token>", "not_me", not_me.NotMe.as_view("not_me", context, p.credentials, people)),
        *desk_pages(p, context, own, desk),
        *passkey_pages(p, context, own, steps, by_passkey, metrics),
        *federation_pages(p, context, own, steps, desk, metrics),
    ]
