"""Responses that a worker's loop sends by itself, to requests that no thread sees."""

_BUSY = (
    "<!doctype html><html lang=vi><meta name=viewport content='width=device-width'><title>Hệ thống đang bận</title>"
    "<h1>Hệ thống đang bận</h1><p>Rất nhiều người đang truy cập. Vui lòng thử lại sau vài giây. Chưa có gì được gửi đi."
    "<p lang=en>Very many people are here. Please try again in a few seconds. Nothing has been sent yet.</html>"
)
_RETRY = ("Retry-After: 2", "Cache-Control: no-store", "Content-Type: text/html; charset=utf-8")


def _answer(status: str, headers: tuple[str, ...] = (), body: str = "") -> bytes:
    lines = (f"HTTP/1.1 {status}", "Connection: close", *headers, f"Content-Length: {len(body.encode())}", "", body)
    return "\r\n".join(lines).encode()


REFUSALS = {
    408: _answer("408 Request Timeout"),
    431: _answer("431 Request Header Fields Too Large"),
    503: _answer("503 Service Unavailable", _RETRY, _BUSY),
}
"""Complete responses by status. Each closes the connection."""
