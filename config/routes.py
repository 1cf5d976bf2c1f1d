"""Every page of the provider and of the officers' console: URL, name, view. What pages need is built in `rooms/`."""

from config.container import Container
from config.rooms.pages import Pages
from federation import own_links, pages, web
from federation.from_upstream import FrontChannelLogout, InitiateLogin
from federation.keep_step import KeepOwn, KeepStep
from federation.link_step import LinkStep
from federation.status import StatusPage, UpstreamStatus
from idp.ephemeral_records import RecordKind
from idp.http.metrics import Metrics
from idp.registration.views import ViewBudget, ViewLimits
from idp.web import (
    account,
    activation,
    activity,
    authorize,
    code,
    consent,
    device,
    eid_recovery,
    login,
    logout,
    not_me,
    own_copy,
    own_data,
    passkey_login,
    passkeys,
    password,
    profile,
    recovery,
    take_over,
)
from idp.web.browser import WebContext
from idp.web.key_calendar import Calendar, KeysPage
from idp.web.officer import conflicts, data, dossier, pairs, queue
from idp.web.officer import login as officer_login
from idp.web.officer import passkeys as officer_passkeys
from idp.web.officer.console import Console
from idp.web.register import done, email, form, start, status
from idp.web.routes import Routes
from qr_login.web import PAGE, LinkPage, QrLimiters, QrPage

PROOF_LIFE = 900.0


def page_routes(p: Pages) -> Routes:
    """Every page for citizens."""
    return [
        ("/", "home", account.Home.as_view("home")),
        ("/keys", "keys", KeysPage.as_view("keys", calendar_of(p.container))),
        ("/status", "status", StatusPage.as_view("status", p.context, upstream_status(p.container))),
        *_login(p),
        *_login_steps(p),
        *_upstreams(p),
        *_logout(p),
        *_account(p),
        *_recovery(p),
        *_activation(p),
        *_registration(p),
        *_device(p),
        *_qr_login(p),
    ]


def calendar_of(c: Container) -> Calendar:
    """The calendar of this process's ring."""
    return Calendar(c.stores.rings.ring, c.stores.rotator.plan, c.settings.keys.jwks_max_age)


def upstream_status(c: Container) -> UpstreamStatus:
    """Which login methods currently work."""
    return UpstreamStatus(c.federation.upstreams, lambda: c.login.logins.is_open("individual"))


def _login(p: Pages) -> Routes:
    c, attempts, clients = p.container, p.container.login.attempts, p.container.oidc.clients
    typed = (p.context, attempts, c.login.logins, c.login.challenges, clients, p.ways)
    consents = (c.oidc.signed_in, c.stores.people, c.stores.consents)
    by_passkey = (p.context, attempts, c.login.passkey_logins)
    captcha = "/login/captcha/<name>.<any(png,wav):form>"
    return [
        ("/authorize", "authorize", authorize.AuthorizePage.as_view("authorize", p.authorize)),
        ("/login", "login", login.LoginPage.as_view("login", *typed)),
        (captcha, "captcha", login.Captcha.as_view("captcha", p.context, c.login.challenges)),
        ("/login/passkey", "passkey_login", passkey_login.PasskeyLogin.as_view("passkey_login", *by_passkey)),
        ("/consent", "consent", consent.ConsentPage.as_view("consent", p.context, attempts, clients, *consents)),
    ]


def _login_steps(p: Pages) -> Routes:
    """What a login may need after its first proof."""
    c, steps = p.container, p.steps
    logins, by_passkey = c.login.logins, c.login.passkey_logins
    coded = (steps, p.otp, c.stores.people, by_passkey, logins.settle_doubt)
    change = (steps, c.accounts.credentials, c.accounts.old_password_guesses, c.oidc.step_rules, p.changer)
    changed = (steps, p.otp, p.changer)
    keep = (c.login.attempts, c.federation.upstreams, c.federation.keeping, steps)
    both = (p.journeys, c.federation.linking)
    return [
        ("/login/code", "code", code.CodePage.as_view("code", *coded)),
        ("/login/code/passkey", "passkey_step", passkey_login.PasskeyStep.as_view("passkey_step", steps, by_passkey)),
        ("/login/password", "password", password.PasswordPage.as_view("password", *change)),
        (
            "/login/password/code",
            "password_code",
            password.PasswordCode.as_view("password_code", *changed),
        ),
        ("/login/device", "take_over", take_over.TakeOver.as_view("take_over", steps, c.accounts.devices)),
        ("/link", "link", LinkStep.as_view("link", *both, steps, c.oidc.step_rules)),
        ("/link/keep", "link_keep", KeepStep.as_view("link_keep", *keep)),
    ]


def _upstreams(p: Pages) -> Routes:
    """The journey to an upstream and back, and the pages that link it to an account."""
    c = p.container
    ended = (p.journeys, c.login.sessions, c.stores.families.claim)
    out = "/via/<upstream_id>/front-channel-logout"
    framed = (p.journeys, c.login.sessions, c.federation.address_limiter())
    both = (p.journeys, c.federation.linking)
    return [
        ("/via/<upstream_id>", "via", web.StartUpstreamLogin.as_view("via", p.journeys)),
        ("/via/<upstream_id>/callback", "via_callback", web.Return.as_view("via_callback", p.journeys)),
        ("/via/<upstream_id>/initiate", "via_initiate", InitiateLogin.as_view("via_initiate", p.journeys, p.own)),
        (out, "via_front_channel", FrontChannelLogout.as_view("via_front_channel", *framed)),
        (
            "/via/<upstream_id>/logout-token",
            "via_logout_token",
            web.LogoutToken.as_view("via_logout_token", *ended),
        ),
        ("/link/confirm", "link_confirm", pages.Confirm.as_view("link_confirm", *both)),
        ("/link/code", "link_code", pages.LinkCodePage.as_view("link_code", *both, p.otp)),
        ("/link/open", "link_open", pages.Open.as_view("link_open", *both)),
        ("/link/who", "link_who", pages.Who.as_view("link_who", *both)),
        ("/link/password", "link_password", pages.LogInFirst.as_view("link_password", *both)),
        ("/link/differs", "link_differs", pages.LogInFirst.as_view("link_differs", *both)),
        ("/link/refused", "link_refused", pages.RefusedPage.as_view("link_refused", p.journeys)),
    ]


def _logout(p: Pages) -> Routes:
    back = "/via/<upstream_id>/logged-out"
    return [
        ("/end_session", "end_session", logout.EndSession.as_view("end_session", p.logout)),
        ("/logout", "logout", logout.LogoutPage.as_view("logout", p.logout)),
        (
            back,
            "via_logged_out",
            logout.BackFromUpstream.as_view("via_logged_out", p.logout),
        ),
        ("/logged-out", "logged_out", logout.LoggedOut.as_view("logged_out", p.logout)),
    ]


def _account(p: Pages) -> Routes:
    """The pages about the person's own account."""
    c, own = p.container, p.own
    devices = c.accounts.devices
    return [
        (
            "/account",
            "account",
            account.AccountPage.as_view("account", own, p.logout.upstream_origin, devices),
        ),
        ("/account/end-session", "end_one", account.EndOne.as_view("end_one", own, p.logout.after)),
        ("/account/withdraw", "withdraw", account.Withdraw.as_view("withdraw", own)),
        ("/account/details", "details", own_data.Details.as_view("details", own)),
        ("/account/password", "change_password", own_data.ChangePassword.as_view("change_password", own)),
        ("/account/email", "prove_email", own_data.ProveEmail.as_view("prove_email", own, p.otp, c.stores.people)),
        ("/account/activity", "activity", activity.Activity.as_view("activity", own, c.stores.history)),
        ("/account/end-device", "end_device", activity.EndDevice.as_view("end_device", own, devices)),
        *_own_data(p),
        *_own_profile(p),
        *_own_passkeys(p),
        *_own_links(p),
    ]


def _own_data(p: Pages) -> Routes:
    c, own = p.container, p.own
    asked, export = c.officers.data_requests, (own, c.stores.own_copies.of_account, c.stores.audit)
    return [
        ("/account/data", "own_data", own_copy.OwnData.as_view("own_data", own, asked)),
        ("/account/data/export", "export", own_copy.Export.as_view("export", *export)),
        ("/account/data/erase", "erase", own_copy.Erase.as_view("erase", own, asked)),
    ]


def _own_profile(p: Pages) -> Routes:
    c, room = p.container, p.container.registration
    former, has_passkeys = c.stores.people.identifiers_of, c.stores.credentials.has_passkeys
    office = profile.Office(p.own, room.profiles, room.declarations, c.stores.agencies, former, has_passkeys)
    return [
        ("/account/profile", "profile", profile.Profile.as_view("profile", office)),
        ("/account/profile/code", "profile_code", profile.ProfileCode.as_view("profile_code", office, p.otp)),
        ("/account/stop", "stop", profile.Stop.as_view("stop", office)),
    ]


def _own_passkeys(p: Pages) -> Routes:
    own, room = p.own, p.container.accounts
    added, ended = (own, room.passkeys, room.notices), (own, room.passkeys, room.credentials)
    return [
        ("/account/passkeys", "passkeys", passkeys.OwnPasskeys.as_view("passkeys", own, room.passkeys)),
        ("/account/passkeys/add", "add_passkey", passkeys.AddPasskey.as_view("add_passkey", *added)),
        ("/account/passkeys/remove", "end_passkey", passkeys.EndPasskey.as_view("end_passkey", *ended)),
    ]


def _own_links(p: Pages) -> Routes:
    mine, room = (p.own, p.journeys), p.container.federation
    keep = (p.own, room.upstreams, room.keeping)
    return [
        ("/account/links", "links", own_links.OwnLinks.as_view("links", *mine)),
        ("/account/links/add/<upstream_id>", "link_add", own_links.AddLink.as_view("link_add", *mine)),
        ("/account/links/confirm", "link_own", own_links.ConfirmOwnLink.as_view("link_own", *mine, room.linking)),
        ("/account/links/remove", "link_remove", own_links.Unlink.as_view("link_remove", *mine, room.linking)),
        ("/account/links/keep", "link_keep_own", KeepOwn.as_view("link_keep_own", *keep)),
    ]


def _recovery(p: Pages) -> Routes:
    """Recovery of a forgotten password, and "that was not me"."""
    c, both = p.container, (p.context, p.container.accounts.recoveries)
    by_eid = any(upstream.policy.opens_accounts for upstream in c.federation.upstreams.known)
    eid = (p.own, c.accounts.credentials, c.accounts.recoveries)
    disavowed = (p.context, c.accounts.credentials, c.stores.people)
    return [
        ("/recover", "recover", recovery.Recover.as_view("recover", *both, c.login.challenges, by_eid=by_eid)),
        ("/recover/eid", "recover_eid", eid_recovery.ByEid.as_view("recover_eid", *eid)),
        ("/recover/sent", "recover_sent", recovery.Sent.as_view("recover_sent", p.context)),
        ("/recover/code", "recover_code", recovery.RecoverCode.as_view("recover_code", *both)),
        ("/recover/password", "recover_password", recovery.RecoverPassword.as_view("recover_password", *both)),
        ("/r/<handle>", "short_link", recovery.ShortLink.as_view("short_link")),
        ("/not-me/<token>", "not_me", not_me.NotMe.as_view("not_me", *disavowed)),
    ]


def _activation(p: Pages) -> Routes:
    """From the link of an approval to the first password."""
    both = (p.context, p.container.registration.activations)
    shared = (*both, p.otp)
    return [
        ("/a/<token>", "activation", activation.ActivationLinkPage.as_view("activation", *both)),
        ("/activate", "activate", activation.Whose.as_view("activate", *shared)),
        ("/activate/code", "activate_code", activation.ActivationCodePage.as_view("activate_code", *shared)),
        ("/activate/password", "first_password", activation.FirstPassword.as_view("first_password", *shared)),
    ]


def _registration(p: Pages) -> Routes:
    """From the first choice to the form that is signed, and its later state."""
    c, desk = p.container, p.registration
    wishes = c.registration.records(RecordKind.REGISTRATION_STATUS, status.Undertaking, PROOF_LIFE)
    eid = any(upstream.kind == "vneid" for upstream in c.settings.upstreams)
    looked, proved = (desk, wishes), (desk, p.otp, wishes)
    return [
        ("/register", "register", start.StartRegistration.as_view("register", desk, eid=eid)),
        ("/register/forget", "register_forget", start.Forget.as_view("register_forget", desk)),
        ("/register/form", "register_form", form.FormPage.as_view("register_form", desk)),
        ("/register/photo/<role>", "register_photo", form.OwnPhoto.as_view("register_photo", desk)),
        ("/register/email", "register_email", email.EmailPage.as_view("register_email", desk, p.otp)),
        ("/register/done", "register_done", done.Done.as_view("register_done", desk)),
        ("/register/status", "register_status", status.RegistrationStatusPage.as_view("register_status", *looked)),
        ("/register/proof", "register_proof", status.StatusProof.as_view("register_proof", *proved)),
    ]


def _device(p: Pages) -> Routes:
    """The device grant: where a code is typed and decided, and the result."""
    oidc = p.container.oidc
    typed = (p.own, oidc.device_codes, oidc.user_codes, p.container.stores.audit)
    return [
        ("/device", "device", device.DevicePage.as_view("device", *typed)),
        ("/device/done", "device_done", device.DeviceDone.as_view("device_done", p.own)),
    ]


def _qr_login(p: Pages) -> Routes:
    room, c = p.container.qr_login, p.container
    if not room.is_on:
        return []
    limiters = QrLimiters(room.address_limiter(), room.total_limiter())
    waits = (p.context, c.login.attempts, c.oidc.clients, p.waiting, room.drawing, limiters)
    return [(PAGE, "qr", QrPage.as_view("qr", *waits)), ("/q", "qr_link", LinkPage.as_view("qr_link"))]


def officer_routes(c: Container, context: WebContext, metrics: Metrics) -> Routes:
    """Every page of the console, which is a separate application on its own host."""
    stores, logins, keys = c.stores, c.officers.officer_logins, c.officers.officer_passkeys
    console = Console(context, logins, stores.agencies, stores.officers.names, c.clock)
    lines = queue.QueuePage(console, stores.declarations, stores.declaration_views)
    by_key = (context, keys, logins)
    return [
        ("/", "queue", queue.OfficerHome.as_view("queue", console, lines)),
        ("/login", "login", officer_login.OfficerLoginPage.as_view("login", context, logins)),
        ("/login/key", "passkey_door", officer_passkeys.PasskeyDoor.as_view("passkey_door", *by_key)),
        ("/passkeys", "passkeys", officer_passkeys.OfficerPasskeysPage.as_view("passkeys", console, keys)),
        ("/passkeys/add", "add_passkey", officer_passkeys.AddOfficerPasskey.as_view("add_passkey", console, keys)),
        ("/logout", "logout", officer_login.OfficerLogoutPage.as_view("logout", console)),
        ("/invitation/<token>", "invitation", officer_login.Invitation.as_view("invitation", console)),
        *_dossiers(c, console, metrics),
        *_proposals(c, console),
    ]


def _dossiers(c: Container, console: Console, metrics: Metrics) -> Routes:
    """One declaration with its pictures; how many an officer views is counted."""
    stores, rules = c.stores, c.settings.officers
    views, limits = stores.declaration_views, ViewLimits(rules.views_alarm, rules.views_most)
    budget = ViewBudget(views, stores.audit, c.clock, limits, lambda outcome: metrics.views.labels(outcome).inc())
    papers = dossier.Papers(stores.declarations, views, stores.participants, stores.people, stores.audit, budget)
    decided = (console, papers, c.registration.decisions)
    picture = "/requests/<declaration_id>/<any(portrait,front,back):role>.jpg"
    return [
        ("/requests/<declaration_id>", "dossier", dossier.Dossier.as_view("dossier", *decided)),
        (picture, "picture", dossier.DossierPicture.as_view("picture", console, papers)),
    ]


def _proposals(c: Container, console: Console) -> Routes:
    """Changes that require two officers, and requests about data."""
    proposals, people = c.officers.proposals, c.stores.people
    both, asked = (console, proposals, c.stores.declarations), (console, c.officers.data_requests, people)
    return [
        ("/proposals", "proposals", pairs.ProposalsPage.as_view("proposals", *both)),
        ("/proposals/<proposal_id>", "proposal", pairs.ProposalPage.as_view("proposal", *both)),
        ("/data", "data", data.DataList.as_view("data", *asked)),
        ("/data/<request_id>", "data_case", data.DataCase.as_view("data_case", *asked)),
        ("/links", "links", conflicts.ConflictsPage.as_view("links", console, proposals)),
        ("/links/<conflict_id>", "link", conflicts.ConflictPage.as_view("link", console, proposals, people)),
    ]
