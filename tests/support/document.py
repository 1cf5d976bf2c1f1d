"""What a person sees in a page of HTML: its forms, labels, buttons, links and text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_CONTROLS = {"input", "select", "textarea", "button"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_UNSEEN = {"script", "style", "template", "title"}

Attributes = dict[str, str]


@dataclass
class Control:
    """One field or button; `value` is what would be sent, `label` what a person reads beside it."""

    tag: str
    attributes: Attributes
    value: str = ""
    label: str = ""
    text: str = ""
    ticked: bool = False

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")

    @property
    def kind(self) -> str:
        default = {"input": "text", "button": "submit"}.get(self.tag, self.tag)
        return self.attributes.get("type", default).lower()

    @property
    def is_button(self) -> bool:
        return self.kind in ("submit", "image") and self.tag in ("input", "button")

    def answers_to(self, word: str) -> bool:
        """Whether a person or a test would call it by this word: label, text of the button, id or name."""
        return word in {self.name, self.attributes.get("id"), *map(_tidy, (self.label, self.text))} - {"", None}

    def is_sent(self) -> bool:
        if not self.name or self.is_button or "disabled" in self.attributes or self.kind in ("button", "reset"):
            return False
        return self.ticked if self.kind in ("checkbox", "radio") else True


@dataclass
class Form:
    """One form with its fields in document order."""

    attributes: Attributes
    controls: list[Control] = field(default_factory=list)

    @property
    def method(self) -> str:
        return self.attributes.get("method", "get").upper()

    def fields(self, button: Control | None = None) -> list[tuple[str, str]]:
        """What a browser sends when `button` is pressed."""
        sent = [(each.name, each.value) for each in self.controls if each.is_sent()]
        if button is not None and button.name:
            sent.append((button.name, button.value))
        return sent

    def value(self, name: str) -> str:
        """The present value of the field of that name; raises `KeyError`."""
        return {each.name: each.value for each in self.controls}[name]


@dataclass(frozen=True)
class Link:
    """One `<a href>`."""

    text: str
    href: str
    attributes: Attributes


class Document(HTMLParser):
    """A parsed page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.elements: list[tuple[str, Attributes]] = []
        self.title = ""
        self._seen: list[str] = []
        self._open: list[tuple[str, Attributes, list[str]]] = []
        self._loose: list[tuple[Control, Form | None, list[str] | None]] = []
        self._labels: dict[str, str] = {}
        self.feed(text)
        self.close()
        self._settle()

    @property
    def text(self) -> str:
        """Everything a person can read, with single spaces."""
        return _tidy(" ".join(self._seen))

    @property
    def page(self) -> str | None:
        """The `data-page` of the main element."""
        return next((found.get("data-page") for tag, found in self.elements if tag == "main"), None)

    def element(self, tag: str, **attributes: str) -> Attributes | None:
        """The attributes of the first such element."""
        wanted = attributes.items()
        return next((found for name, found in self.elements if name == tag and wanted <= found.items()), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag == "form":
            self.forms.append(Form(attributes))
        if tag not in _VOID:
            self._open.append((tag, attributes, []))
        if tag in _CONTROLS:
            self._add_control(tag, attributes)
        if tag == "option":
            self._add_option(attributes)

    def handle_data(self, data: str) -> None:
        for _, _, pieces in self._open:
            pieces.append(data)
        if not any(tag in _UNSEEN for tag, _, _ in self._open):
            self._seen.append(data)

    def handle_endtag(self, tag: str) -> None:
        if not any(each[0] == tag for each in self._open):
            return
        while True:
            name, attributes, pieces = self._open.pop()
            self._close_element(name, attributes, _tidy("".join(pieces)))
            if name == tag:
                return

    def _close_element(self, tag: str, attributes: Attributes, text: str) -> None:
        if tag == "title":
            self.title = text
        elif tag == "a" and "href" in attributes:
            self.links.append(Link(text, attributes["href"], attributes))
        elif tag == "label" and "for" in attributes:
            self._labels[attributes["for"]] = text
        elif tag in ("button", "textarea"):
            control = next(each for each, _, _ in reversed(self._loose) if each.attributes is attributes)
            control.text = text
            if tag == "textarea":
                control.value = text

    def _add_control(self, tag: str, attributes: Attributes) -> None:
        default = "on" if attributes.get("type") in ("checkbox", "radio") else ""
        control = Control(tag, attributes, attributes.get("value", default), ticked="checked" in attributes)
        inside = any(name == "form" for name, _, _ in self._open)
        label = next((pieces for name, _, pieces in reversed(self._open) if name == "label"), None)
        self._loose.append((control, self.forms[-1] if inside else None, label))

    def _add_option(self, attributes: Attributes) -> None:
        select = next((each for each, _, _ in reversed(self._loose) if each.tag == "select"), None)
        if select is not None and ("selected" in attributes or not select.value):
            select.value = attributes.get("value", "")

    def _settle(self) -> None:
        """Give each control its form and its label, which may both come later in the text."""
        by_id = {form.attributes.get("id"): form for form in self.forms}
        for control, form, wrapper in self._loose:
            owner = by_id.get(control.attributes["form"]) if "form" in control.attributes else form
            context = "".join(wrapper) if wrapper else ""
            control.label = self._labels.get(control.attributes.get("id", ""), context)
            if owner is not None:
                owner.controls.append(control)


def _tidy(text: str) -> str:
    return " ".join(text.split())
