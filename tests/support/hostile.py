"""Addresses by which a stranger would have us ask somebody else, and a server that counts who asks."""

import socket
import threading

PLACES = (
    *("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "[::1]", "[0:0:0:0:0:0:0:1]", "0.0.0.0", "0", "[::]"),
    *("2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.1", "127.0.0.1."),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127%2e0%2e0%2e1", "127.0.0.1%00", "[::1%25lo]", "[fd00::1]"),
    *(
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "metadata.google.internal",
        "[fe80::1]",
    ),
)
"""This machine and its neighbours, in the encodings that some reader understands."""

FORMS = (
    *(
        "http://{0}:{1}/x",
        "https://{0}:{1}/x",
        "https://{0}/x",
        "HTTPS://{0}:{1}/ro/x",
        "https://{0}:{1}#.portal.test/",
    ),
    *("https://portal.example.test@{0}:{1}/x", "https://u:p@{0}:{1}/x", "https:/{0}:{1}/x", "//{0}:{1}/x"),
)
"""Ways to write an address at a place and port."""


class Host:
    """One answer for everybody, written by hand."""

    def __init__(self) -> None:
        self.connections = 0
        self.answer = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def says(self, body: bytes, status: str = "200 OK", *more: str) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *more]
        self.answer = "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.recv(65536)
                connection.sendall(self.answer)

    def __enter__(self) -> "Host":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def hostile(url: str) -> list[str]:
    """Addresses that are not the client's, where `url` is a server that would answer, with its registered `/ro/`."""
    authority = url.removeprefix("http://")
    under = [
        "../x",
        "..%2fx",
        "%2e%2e/x",
        ".",
        "..",
        ".hidden",
        "a/b",
        "a//b",
        "/x",
        "//x",
        "a?b",
        "?x",
        "a#b",
        "#",
        "a\\b",
    ]
    under += [
        "a%00",
        "a%0d%0aX:%20y",
        "a b",
        "a\tb",
        "a\nb",
        "é",
        "a;b",
        "a@b",
        "a:b",
        "%61",
        "a%2fb",
        "x" * 600,
        "&x",
        "a=b",
    ]
    elsewhere = ["", "/", "/ro", "/RO/x", "/r", "/rox/x", "/ro%2fx", "//ro/x", "/./ro/x", "/x/../ro/x", ":/ro/x"]
    schemes = [
        "file:///etc/passwd",
        "ftp://{}/ro/x",
        "gopher://{}/ro/x",
        "https://{}/ro/x",
        "HTTP://{}/ro/x",
        "//{}/ro/x",
    ]
    schemes += [
        "data:,x",
        "javascript:1",
        "urn:x",
        "urn:ietf:params:oauth:request_uri",
        "ldap://{}/",
        "dict://{}/",
        "jar:x",
        "x",
    ]
    users = [
        f"http://evil@{authority}/ro/x",
        f"http://{authority}@evil.test/ro/x",
        f"http://{authority}.evil.test/ro/x",
    ]
    users += [f" {url}/ro/x", f"{url}/ro/x ", f"{url}\\@evil.test/ro/x", f"{url}#@evil.test/ro/x", f"{url}?/ro/x"]
    written = [form.format(place, authority.rpartition(":")[2]) for form in FORMS for place in PLACES]
    return [
        *written,
        *(f"{url}/ro/{each}" for each in under),
        *(f"{url}{each}" for each in elsewhere),
        *(each.format(authority) for each in schemes),
        *users,
    ]
