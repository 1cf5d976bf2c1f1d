"""The pages of registration and the API for apps: URL, name, view."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask_babel import force_locale

from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.web.otp_flow import OtpFlow
from idp.web.register import done, email, form, start, status
from idp.web.register.api import Api
from idp.web.register.visit import RegistrationPages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flask import Flask

    from config.wiring import Provider
    from idp.messages.message import Language
    from idp.web.browser import WebContext
    from idp.web.gateway import Endpoint
    from idp.web.routes import Routes

PROOF_LIFE = 900.0


def register_pages(p: Provider, context: WebContext) -> Routes:
    """Everything from the first choice to the form that is signed, and how it stands later."""
    clock = p.base.clock
    desk = RegistrationPages(context, p.desk.registrations, p.desk.agencies, p.base.settings.registration.draft_hours)
    codes = OtpFlow(p.codes, p.challenges, clock)
    wishes = EphemeralRecords(
        RecordKind.REGISTRATION_STATUS, status.Undertaking, p.base.ephemeral, clock, life=PROOF_LIFE
    )
    eid = any(upstream.kind == "vneid" for upstream in p.base.settings.upstreams)
    return [
        ("/register", "register", start.StartRegistration.as_view("register", desk, eid=eid)),
        ("/register/forget", "register_forget", start.Forget.as_view("register_forget", desk)),
        ("/register/form", "register_form", form.FormPage.as_view("register_form", desk)),
        ("/register/photo/<role>", "register_photo", form.OwnPhoto.as_view("register_photo", desk)),
        ("/register/email", "register_email", email.EmailPage.as_view("register_email", desk, codes)),
        ("/register/done", "register_done", done.Done.as_view("register_done", desk)),
        ("/register/status", "register_status", status.RegistrationStatusPage.as_view("register_status", desk, wishes)),
        ("/register/proof", "register_proof", status.StatusProof.as_view("register_proof", desk, codes, wishes)),
    ]


def register_table(p: Provider, context: WebContext, pages: Flask) -> Mapping[str, Endpoint]:
    """The API for apps; its sentences come out of the catalogue of the pages."""

    @contextmanager
    def speaking(language: Language) -> Iterator[None]:
        with pages.app_context(), force_locale(language):
            yield

    return Api(
        context.issuer, p.desk.registrations, p.desk.agencies, p.codes, p.challenges, context.peers, speaking
    ).table()
