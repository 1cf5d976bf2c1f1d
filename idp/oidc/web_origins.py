"""Web origins: scheme, host and port of a page, in the one form in which browsers send them in `Origin`."""

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}


def web_origin(url: str) -> str:
    """The origin of a URL, in lower case and without the default port (RFC 6454, 6.2); empty when it has none."""
    try:
        parts = urlsplit(url.lower())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    default = _DEFAULT_PORTS.get(parts.scheme)
    if not default or not host:
        return ""
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if port in (None, default) else f":{port}")
