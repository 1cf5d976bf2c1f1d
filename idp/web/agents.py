"""A browser's name in plain words, from its `User-Agent`; good enough to recognise one's own devices."""

_BROWSERS = (
    ("coc_coc_browser", "Cốc Cốc"),
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("firefox", "Firefox"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
)
_SYSTEMS = (
    ("android", "Android"),
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("windows", "Windows"),
    ("mac os", "macOS"),
    ("linux", "Linux"),
)


def browser_and_system(user_agent: str) -> tuple[str, str]:
    """For example "Chrome" and "Windows"; empty for what is not recognised."""
    text = user_agent.lower()
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    return browser, next((name for mark, name in _SYSTEMS if mark in text), "")


def browser_name(user_agent: str) -> str:
    """For example "Chrome, Windows"; empty when nothing is recognised."""
    return ", ".join(part for part in browser_and_system(user_agent) if part)


def is_phone(user_agent: str, mobile: str) -> bool:
    """Whether the browser runs on a phone; `mobile` is what it says in `Sec-CH-UA-Mobile`."""
    return mobile.strip() == "?1" or browser_and_system(user_agent)[1] in ("Android", "iPhone")
