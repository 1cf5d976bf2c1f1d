"""The QR code as a login method: for individuals at another screen, and on a phone the app itself."""

from collections.abc import Mapping

from flask_babel import gettext

from idp.oidc.clients import Clients
from idp.ports import Seeker, Way
from idp.web.browser import with_query
from qr_login.sentences import REFUSED


class ByQrCode:
    """What the login page offers (`idp.ports.WaysIn`). `app_link` opens the app on a phone; empty if there is none."""

    def __init__(self, clients: Clients, app_link: str) -> None:
        self._clients = clients
        self._app_link = app_link

    def offered(self, seeker: Seeker) -> list[Way]:
        if seeker.kind != "individual" or not takes_qr(self._clients, seeker.client_id):
            return []
        if not seeker.on_phone:
            return [Way(gettext("Đăng nhập bằng mã QR"), with_query("/login/qr", attempt=seeker.attempt))]
        if not self._app_link:
            return []
        return [
            Way(gettext("Mở ứng dụng BHXH trên điện thoại này"), with_query(self._app_link, attempt=seeker.attempt))
        ]

    def message(self, query: Mapping[str, str], language: str) -> str | None:
        sentence = REFUSED.get(query.get("why", "")) if query.get("via") == "qr" else None
        return str(sentence) if sentence else None

    def out(self, through: str, account_id: str, auth_time: float, state: str) -> str | None:
        return None


def takes_qr(clients: Clients, client_id: str) -> bool:
    """Whether people can log in to this client by QR code; to our own pages they can.

    Never to an app on a phone: a phone lets browsers in, but cannot itself be let in.
    """
    if not client_id:
        return True
    client = clients.find(client_id)
    return client is not None and client.qr_login != "off" and not client.one_device
