"""`make run`: prepare the data, start everything, say where it is, and end it all together.

The order is: ports free? -> `idp db upgrade` -> load people and clients -> provider, portal, inbox -> wait until each
answers -> wait for Ctrl-C, or for the first child that dies and takes the others with it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from sandbox import children
from sandbox.addresses import HERE, HOST, PROJECT, Addresses
from sandbox.children import Child

_PATIENCE = 60.0
_GLANCE = 0.2


class CannotStart(Exception):
    """Why the sandbox does not start, as a sentence to read."""


class _Enough(Exception):
    """Ctrl-C, or another polite request to end."""


def run(where: Addresses) -> int:
    """Run until told to end; gives the exit code: 0 after Ctrl-C, 1 when something is wrong."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _enough)
    started: list[Child] = []
    try:
        _check_ports(where)
        environment = _environment(where)
        _prepare(where, environment)
        _start(where, environment, started)
        _wait_until_ready(started)
        print(_welcome(where, environment), flush=True)
        _watch(started)
    except CannotStart as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except _Enough:
        print("\nĐang dừng... (stopping)", flush=True)
    finally:
        # A second Ctrl-C while the children end must not leave them running.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        children.stop(started)
    return 0


def _enough(_number: int, _frame: FrameType | None) -> None:
    raise _Enough


def _check_ports(where: Addresses) -> None:
    for name, port in (("provider", where.provider_port), ("portal", where.portal_port), ("inbox", where.inbox_port)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise CannotStart(
                    f"Cổng {port} ({name}) đang bị chương trình khác dùng. Hãy dừng nó, hoặc đổi cổng.\n"
                    f"Port {port} ({name}) is taken. Stop what uses it, or move all ports: "
                    "SANDBOX_PORT_OFFSET=100 make run"
                ) from None


def _environment(where: Addresses) -> dict[str, str]:
    """Development settings; whatever is set outside (`IDP_TESTING__ENABLED=true make run`) has the last word."""
    usual = {
        "IDP_ENVIRONMENT": "development",
        "IDP_ISSUER": where.provider,
        "IDP_DATA_DIR": str(where.data),
        "PYTHONUNBUFFERED": "1",
    }
    # A proxy that is set for the outside world must not get to see the loopback.
    always = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
    return usual | dict(os.environ) | always


def _prepare(where: Addresses, environment: Mapping[str, str]) -> None:
    where.messages.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = where.data / "sandbox"
    home.mkdir(mode=0o700, exist_ok=True)
    _idp(["db", "upgrade"], environment)
    for kind, name in (("accounts", "people.json"), ("clients", "clients.json")):
        text = where.at_home((HERE / name).read_text(encoding="utf-8"))
        (home / name).write_text(text, encoding="utf-8")
        _idp([kind, "load", str(home / name), "--reason", "sandbox"], environment)


def _idp(words: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [_command(), *words],
        env=dict(environment),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CannotStart(f"idp {' '.join(words)} ({done.returncode}):\n{done.stdout}{done.stderr}")


def _command() -> str:
    beside = Path(sys.executable).with_name("idp")
    found = str(beside) if beside.exists() else shutil.which("idp")
    if found is None:
        raise CannotStart("The command `idp` is not installed here: run `make setup`.")
    return found


def _start(where: Addresses, environment: Mapping[str, str], started: list[Child]) -> None:
    logs = where.data / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    serve = [_command(), "serve", "--bind", f"{HOST}:{where.provider_port}"]
    for name, command, port, ready_path in (
        ("provider", serve, where.provider_port, "/readyz"),
        ("portal", [sys.executable, "-m", "sandbox", "portal"], where.portal_port, "/"),
        ("inbox", [sys.executable, "-m", "sandbox", "inbox"], where.inbox_port, "/"),
    ):
        child = children.start(name, command, port=port, ready_path=ready_path, environment=environment, logs=logs)
        started.append(child)


def _wait_until_ready(started: Sequence[Child]) -> None:
    deadline = time.monotonic() + _PATIENCE
    for child in started:
        while not child.is_ready():
            _complain_about_the_dead(started)
            if time.monotonic() > deadline:
                raise CannotStart(f"{child.name} did not become ready in {_PATIENCE:.0f} s:\n{child.last_lines()}")
            time.sleep(_GLANCE)


def _watch(started: Sequence[Child]) -> None:
    while True:
        _complain_about_the_dead(started)
        time.sleep(_GLANCE)


def _complain_about_the_dead(started: Sequence[Child]) -> None:
    for child in started:
        if child.has_ended():
            code = child.process.returncode
            raise CannotStart(f"{child.name} ended with {code}; the last lines of {child.log}:\n{child.last_lines()}")


def _welcome(where: Addresses, environment: Mapping[str, str]) -> str:
    sample = json.loads((HERE / "people.json").read_text(encoding="utf-8"))[0]
    fixed = environment.get("IDP_TESTING__FIXED_CAPTCHA")
    captcha = f"{fixed}  (chế độ thử, test mode)" if fixed else "như trong hình  (as in the picture)"
    return f"""
Sẵn sàng. Ready.

  Cổng dịch vụ        {where.portal}   <- bắt đầu ở đây, start here
  Máy chủ đăng nhập   {where.provider}   (provider)
  Hộp thư             {where.inbox}   (inbox: SMS, e-mail)

  Tên đăng nhập       {sample["identifiers"]["bhxh"]}
  Mật khẩu            {sample["password"]}
  Mã kiểm tra         {captcha}

  Mở Cổng dịch vụ, bấm "Đăng nhập", điền như trên, bấm "ĐĂNG NHẬP"; xong bấm "Đăng xuất".
  Open the portal, press "Đăng nhập", fill in the above, press "ĐĂNG NHẬP"; then "Đăng xuất" logs out.

  Nhật ký (logs): {where.data / "logs"}    Người khác (more people): sandbox/people.json
  Ctrl-C: dừng tất cả (stops everything). Dữ liệu được giữ lại (data are kept)."""
