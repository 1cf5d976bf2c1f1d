"""A browser's cookie jar: shared by all ports of a host, and as strict as a browser about prefixes and `Secure`."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie as it was set; `attributes` has lower-case names."""

    name: str
    value: str
    host: str
    attributes: dict[str, str]

    @property
    def path(self) -> str:
        given = self.attributes.get("path", "")
        return given if given.startswith("/") else "/"

    @property
    def secure(self) -> bool:
        return "secure" in self.attributes

    def expires_at(self) -> float | None:
        """Seconds since the epoch, or `None` for a cookie that ends with the browser. `Max-Age` outranks `Expires`."""
        if "max-age" in self.attributes:
            return time.time() + int(self.attributes["max-age"])
        if "expires" in self.attributes:
            return parsedate_to_datetime(self.attributes["expires"]).timestamp()
        return None

    def breaks_its_prefix(self) -> bool:
        if self.name.startswith("__Host-"):
            return not self.secure or "domain" in self.attributes or self.attributes.get("path") != "/"
        return self.name.startswith("__Secure-") and not self.secure


class CookieJar:
    """Cookies of many hosts. A cookie that a browser would not take is kept apart in `refused`, for tests to see."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}
        self.refused: list[Cookie] = []

    def __iter__(self) -> Iterator[Cookie]:
        return iter(self._cookies.values())

    def named(self, name: str) -> Cookie | None:
        return next((each for each in self._cookies.values() if each.name == name), None)

    def take(self, header: str, url: SplitResult) -> None:
        """Keep, replace or delete by one `Set-Cookie` header of an answer from `url`."""
        cookie = _parse(header, url.hostname or "")
        if cookie.breaks_its_prefix() or (cookie.secure and url.scheme != "https"):
            self.refused.append(cookie)
            return
        key = (cookie.host, cookie.path, cookie.name)
        ends = cookie.expires_at()
        if ends is not None and ends <= time.time():
            self._cookies.pop(key, None)
        else:
            self._cookies[key] = cookie

    def header(self, url: SplitResult) -> str:
        """The `Cookie` header for a request to `url`, longest paths first; empty when there is none."""
        fitting = [each for each in self._cookies.values() if _fits(each, url)]
        fitting.sort(key=lambda each: -len(each.path))
        return "; ".join(f"{each.name}={each.value}" for each in fitting)

    def put(self, name: str, value: str, host: str) -> None:
        """Plant a cookie, as an attacker on a sibling host would."""
        self._cookies[(host, "/", name)] = Cookie(name, value, host, {"path": "/"})

    def forget(self, name: str) -> None:
        for key in [key for key in self._cookies if key[2] == name]:
            del self._cookies[key]

    def clear(self) -> None:
        self._cookies.clear()


def _parse(header: str, host: str) -> Cookie:
    pair, *rest = header.split(";")
    name, _, value = pair.strip().partition("=")
    attributes = {}
    for each in rest:
        key, _, content = each.strip().partition("=")
        attributes[key.lower()] = content
    return Cookie(name, value, host, attributes)


def _fits(cookie: Cookie, url: SplitResult) -> bool:
    path = url.path or "/"
    below = path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")
    return cookie.host == url.hostname and below and (not cookie.secure or url.scheme == "https")
