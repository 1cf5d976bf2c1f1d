"""`make run`: prepare the data, start everything, say where it is, and end it all together.

The order is: ports free? -> portal, inbox, upstreams and phone, which need nobody -> `idp db upgrade` -> people,
clients and participants -> provider -> wait until each answers -> wait for Ctrl-C, or for the first child that dies and
takes the others with it.
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
from sandbox.addresses import HERE, HOST, PRIVATE_KEY, PROJECT, PUBLIC_KEY, Addresses
from sandbox.children import Child
from sandbox.upstream_people import PASSWORD

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
        _make_folders(where)
        _make_key(where)
        _start_programs(where, environment, started)
        _prepare_data(environment)
        _start_provider(where, environment, started)
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
    ports = {
        "provider": where.provider_port,
        "portal": where.portal_port,
        "inbox": where.inbox_port,
        "VNeID": where.vneid_port,
        "DVCQG": where.dvcqg_port,
        "phone": where.phone_port,
        "second portal": where.pension_port,
    }
    for name, port in ports.items():
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
        "IDP_UPSTREAMS": _upstreams(where),
        "IDP_WEB__OPERATIONS_BIND": f"{HOST}:{where.operations_port}",
        "PYTHONUNBUFFERED": "1",
    }
    # A proxy that is set for the outside world must not get to see the loopback.
    always = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
    return usual | dict(os.environ) | always


def _upstreams(where: Addresses) -> str:
    """The simulated VNeID and national portal, as the provider is told of them."""
    found = json.loads(where.at_home((HERE / "upstreams.json").read_text(encoding="utf-8")))
    for upstream in found:
        if upstream["kind"] == "vneid":
            upstream["private_key_file"] = str(where.records / PRIVATE_KEY)
    return json.dumps(found, ensure_ascii=False)


def _make_key(where: Addresses) -> None:
    """The provider's key pair for VNeID, at the first start."""
    if not (where.records / PUBLIC_KEY).is_file():
        # What makes keys is slow to load, and every later start does without it.
        from sandbox import envelope

        envelope.make_pair(where.records)


def _make_folders(where: Addresses) -> None:
    for folder in (where.data, where.messages, where.logs, where.records):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _prepare_data(environment: Mapping[str, str]) -> None:
    """Migrate, and load what is loaded into a new database or when its files have changed."""
    command = [sys.executable, "-m", "sandbox", "prepare"]
    done = subprocess.run(
        command, env=dict(environment), cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise CannotStart(f"The data could not be prepared ({done.returncode}):\n{done.stdout}{done.stderr}")


def _command() -> str:
    beside = Path(sys.executable).with_name("idp")
    found = str(beside) if beside.exists() else shutil.which("idp")
    if found is None:
        raise CannotStart("The command `idp` is not installed here: run `make setup`.")
    return found


def _start_programs(where: Addresses, environment: Mapping[str, str], started: list[Child]) -> None:
    ports = {
        "portal": where.portal_port,
        "inbox": where.inbox_port,
        "upstreams": where.vneid_port,
        "phone-app": where.phone_port,
    }
    for name, port in ports.items():
        command = [sys.executable, "-m", "sandbox", name]
        child = children.start(name, command, port=port, ready_path="/", environment=environment, logs=where.logs)
        started.append(child)


def _start_provider(where: Addresses, environment: Mapping[str, str], started: list[Child]) -> None:
    command = [_command(), "serve", "--bind", f"{HOST}:{where.provider_port}"]
    child = children.start(
        "provider", command, port=where.operations_port, ready_path="/readyz", environment=environment, logs=where.logs
    )
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
    officer = json.loads((HERE / "officers.json").read_text(encoding="utf-8"))[0]
    captcha = f"{fixed}  (chế độ thử, test mode)" if fixed else "như trong hình  (as in the picture)"
    return f"""
Sẵn sàng. Ready.

  Cổng dịch vụ        {where.portal}   <- bắt đầu ở đây, start here
  Cổng Lương hưu      {where.pension}   (a second portal, of another office)
  Máy chủ đăng nhập   {where.provider}   (provider)
  Hộp thư             {where.inbox}   (inbox: SMS, e-mail)
  Điện thoại          {where.phone}   (a phone with the app: logs a browser in by QR code)
  VNeID mô phỏng      {where.vneid}   (a simulated VNeID; {where.vneid}/faults lets it fail)
  DVCQG mô phỏng      {where.dvcqg}   (a simulated national portal; {where.dvcqg}/faults likewise)

  Tên đăng nhập       {sample["identifiers"]["bhxh"]}
  Mật khẩu            {sample["password"]}
  Mã kiểm tra         {captcha}

  Mở Cổng dịch vụ, bấm "Đăng nhập", điền như trên, bấm "ĐĂNG NHẬP"; xong bấm "Đăng xuất".
  Open the portal, press "Đăng nhập", fill in the above, press "ĐĂNG NHẬP"; then "Đăng xuất" logs out.

  Qua VNeID hoặc DVCQG (through either of them): {sample["identifiers"]["cccd"]}, {PASSWORD}
  Người khác (more people): sandbox/people.json, sandbox/upstream_people.json, docs/integrations/sandbox.md

  Cán bộ (officers)   {where.officers}   {officer["login"]}, {officer["password"]}
                      mã xác thực (codes): python -m sandbox codes

  Bằng mã QR (by QR code): mở (open) {where.phone}, đăng nhập và đăng ký; mã tin nhắn ở hộp thư (codes in the inbox)
  Nhật ký (logs): {where.logs}
  Ctrl-C: dừng tất cả (stops everything). Dữ liệu được giữ lại (data are kept)."""
