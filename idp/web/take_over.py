"""`/login/device`: the app is already on another phone; the person sees which one, and continues or keeps it."""

from flask import redirect, render_template
from werkzeug.wrappers import Response

from idp.accounts.devices import Device
from idp.dates import local_date
from idp.http.headers import page_policy
from idp.oidc.issuing import DeviceBindings
from idp.web.page import Page
from idp.web.steps import Step, Steps


class TakeOver(Page):
    """Warns that the other phone will be signed out; continuing leads to the code, and only the code ends the other."""

    def __init__(self, steps: Steps, bindings: DeviceBindings) -> None:
        self._steps = steps
        self._bindings = bindings

    def get(self) -> Response:
        step = self._steps.here()
        present = self._present(step)
        return self._page(step, present) if present else redirect(step.return_url, 303)

    def post(self) -> Response:
        step = self._steps.here()
        if "device-keep" in step.browser.form:
            return self._steps.give_up(step)
        present = self._present(step) if step.attempt.proof else None
        # What is ended must be what the person saw: the page is shown again if it is a different phone by now.
        if present is not None and step.browser.form.get("device") == present.id:
            self._steps.attempts.took_over(step.handle, step.attempt, present.id)
        return redirect(step.return_url, 303)

    def _present(self, step: Step) -> Device | None:
        return self._bindings.present(step.account.id, step.attempt.client_id)

    def _page(self, step: Step, present: Device) -> Response:
        body = render_template(
            "take_over.html",
            attempt=step.handle,
            client_name=self._steps.client_name(step),
            device=present,
            place=self._steps.context.places.of(present.network),
            since=local_date(present.enrolled_at),
            seen=local_date(present.last_seen_at),
        )
        response = Response(body, mimetype="text/html")
        response.headers["Content-Security-Policy"] = page_policy([step.attempt.redirect_origin])
        return response
