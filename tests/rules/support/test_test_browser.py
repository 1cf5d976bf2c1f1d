"""The browser of the tests reads pages as people do; were it wrong, every flow test would be too."""

from urllib.parse import urlsplit

from tests.support.cookies import CookieJar
from tests.support.document import Document

PAGE = """<!doctype html><html lang="vi"><head><title> Đăng
nhập </title><style>p { color: red }</style></head><body><main class="x" data-page="login">
<form method="post" action="/login" id="main-form">
 <input type="hidden" name="attempt" value="a&amp;b">
 <label for="username">Tên đăng nhập <abbr>*</abbr></label><input id="username" name="username" value="001">
 <label><input type="checkbox" name="remember"> Nhớ thiết bị này</label>
 <select name="province"><option value="01">Hà Nội</option><option value="79" selected>TP.HCM</option></select>
 <input name="off" value="1" disabled>
 <button id="login-cancel" name="login-cancel" formnovalidate>Hủy</button>
 <button id="login-submit" name="login-submit" value="1"><span>ĐĂNG</span> NHẬP</button>
</form>
<button type="submit" form="main-form" name="outside">Ngoài</button>
<p>Xin&nbsp;chào <a href="/forgot?x=1&amp;y=2">Quên mật khẩu</a></p><script>alert("<form>")</script>
</main></body></html>"""


def test_a_form_sends_what_a_browser_would_send() -> None:
    form = Document(PAGE).forms[0]
    button = next(each for each in form.controls if each.answers_to("ĐĂNG NHẬP"))

    expected = [("attempt", "a&b"), ("username", "001"), ("province", "79"), ("login-submit", "1")]
    assert form.fields(button) == expected


def test_a_ticked_box_is_sent_and_found_by_the_label_around_it() -> None:
    form = Document(PAGE).forms[0]
    next(each for each in form.controls if each.answers_to("Nhớ thiết bị này")).ticked = True

    assert ("remember", "on") in form.fields()


def test_fields_are_found_by_label_name_and_id_and_buttons_outside_belong_to_their_form() -> None:
    document = Document(PAGE)

    words = ("Tên đăng nhập *", "username", "login-cancel", "Hủy", "Ngoài")
    assert all(any(each.answers_to(word) for each in document.forms[0].controls) for word in words)
    assert len(document.forms) == 1


def test_text_title_links_and_the_name_of_the_page_are_read() -> None:
    document = Document(PAGE)

    assert (document.title, document.page) == ("Đăng nhập", "login")
    assert [(link.text, link.href) for link in document.links] == [("Quên mật khẩu", "/forgot?x=1&y=2")]
    assert "Xin chào Quên mật khẩu" in document.text
    assert "alert" not in document.text


def sent(jar: CookieJar, url: str) -> str:
    return jar.header(urlsplit(url))


def test_cookies_are_shared_by_ports_but_not_by_hosts() -> None:
    jar = CookieJar()
    jar.take("a=1; Path=/; HttpOnly", urlsplit("http://localhost:8000/login"))

    assert sent(jar, "http://localhost:8001/") == "a=1"
    assert sent(jar, "http://portal.test:8001/") == ""


def test_secure_cookies_and_broken_prefixes_are_refused_over_http() -> None:
    jar, http, https = CookieJar(), urlsplit("http://localhost/"), urlsplit("https://id.test/")
    jar.take("s=1; Secure; Path=/", http)
    jar.take("__Host-a=1; Secure; Path=/login", https)
    jar.take("__Host-b=1; Path=/", https)
    jar.take("__Host-c=1; Secure; Path=/", https)

    assert [each.name for each in jar.refused] == ["s", "__Host-a", "__Host-b"]
    assert sent(jar, "https://id.test/") == "__Host-c=1"
    assert sent(jar, "http://id.test/") == ""


def test_cookies_end_by_max_age_and_by_expires() -> None:
    jar, url = CookieJar(), urlsplit("http://localhost/")
    for ending in ("Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"):
        jar.take("a=1; Path=/", url)
        jar.take(f"a=; Path=/; {ending}", url)

        assert sent(jar, "http://localhost/") == ""


def test_a_path_covers_what_is_below_it_only() -> None:
    jar = CookieJar()
    jar.take("a=1; Path=/login", urlsplit("http://localhost/login"))

    assert sent(jar, "http://localhost/login/captcha") == "a=1"
    assert sent(jar, "http://localhost/loginx") == ""
