"""What the phone of the terminal keeps: a file of its own for its key and tokens, which only its owner can read."""

import json
import os
from functools import cached_property
from pathlib import Path

from joserfc.jwk import ECKey


class Kept:
    """Texts by name; what was never kept is empty. The key is made at the first use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._texts: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def __getitem__(self, name: str) -> str:
        return self._texts.get(name, "")

    def put(self, **texts: str) -> None:
        """Keep these; a file that is half written never takes the place of the last one."""
        self._texts |= texts
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as output:
            json.dump(self._texts, output)
        new.replace(self._file)

    def forget(self) -> None:
        """A phone that was signed out begins anew, with another key."""
        self._texts.clear()
        self._file.unlink(missing_ok=True)
        self.__dict__.pop("key", None)

    @cached_property
    def key(self) -> ECKey:
        if not self["key"]:
            self.put(key=json.dumps(ECKey.generate_key("P-256").as_dict(private=True)))
        return ECKey.import_key(json.loads(self["key"]))
