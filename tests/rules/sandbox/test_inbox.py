"""The inbox reads whatever lies in its folder and never fails on it."""

import json
from pathlib import Path

from sandbox.inbox import MOST_SHOWN, Message, read_folder


def put(folder: Path, name: str, **message: object) -> None:
    (folder / name).write_text(json.dumps(message), encoding="utf-8")


def test_newest_messages_come_first(tmp_path: Path) -> None:
    put(tmp_path, "a.json", channel="sms", to="*** *** *67", body="cũ", sent_at=1_000.0)
    put(tmp_path, "b.json", channel="email", to="h***@example.com", subject="Mới", body="mới", sent_at=2_000.0)

    messages, unreadable = read_folder(tmp_path)

    assert [each.body for each in messages] == ["mới", "cũ"]
    assert unreadable == 0


def test_files_that_are_no_message_are_counted_and_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "good.json", channel="sms", body="tốt", sent_at=1.0)
    put(tmp_path, "far.json", sent_at=1e300)
    (tmp_path / "half.json").write_text('{"channel": "sm', encoding="utf-8")
    (tmp_path / "list.json").write_text("[1, 2]", encoding="utf-8")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "deep.json").write_text("[" * 60_000, encoding="utf-8")
    (tmp_path / "large.json").write_text(json.dumps({"body": "x" * 70_000}), encoding="utf-8")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "notes.txt").write_text("not ours", encoding="utf-8")

    messages, unreadable = read_folder(tmp_path)

    assert [each.body for each in messages] == ["tốt"]
    assert unreadable == 7


def test_a_missing_folder_is_an_empty_inbox(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "nowhere") == ([], 0)


def test_a_full_folder_shows_the_newest_files_only(tmp_path: Path) -> None:
    for number in range(MOST_SHOWN + 20):
        put(tmp_path, f"{number}.json", body=str(number), sent_at=float(number))

    assert len(read_folder(tmp_path)[0]) == MOST_SHOWN


def test_a_link_in_a_message_is_told_from_the_words_around_it() -> None:
    message = Message("sms", "+84912345678", "", "Tai https://id.example.vn/undo/x. Xong", 0.0)

    assert message.parts == [("Tai ", False), ("https://id.example.vn/undo/x", True), (". Xong", False)]
