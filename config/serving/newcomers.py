"""How a listening socket shared by several processes refuses new connections."""

import ctypes
import socket
import struct
from contextlib import suppress
from typing import Any

ATTACH_FILTER = 26
"""`SO_ATTACH_FILTER` of Linux, which Python does not define."""


def turn_away(listener: Any) -> None:
    """Stop accepting new connections: one between a worker's last accept and the socket's end would be cut off.

    A filter on the socket drops the first packet of each new connection (SYN, in byte 13 of its header); the client's
    retry a second later meets a closed port. Without support for such filters, nothing changes.
    """
    program = (_Instruction * 4)(
        _Instruction(0x30, 0, 0, 13),  # load the byte of flags
        _Instruction(0x45, 0, 1, 0x02),  # SYN?
        _Instruction(0x06, 0, 0, 0),  # then drop it
        _Instruction(0x06, 0, 0, 0xFFFFFFFF),  # else let it pass
    )
    attached = struct.pack("HP", len(program), ctypes.addressof(program))
    with suppress(OSError, AttributeError):
        listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, attached)


class _Instruction(ctypes.Structure):
    """One step of a socket filter (Linux, `struct sock_filter`)."""

    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    ]
