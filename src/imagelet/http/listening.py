"""A socket that listens at an address, or one sentence that says why there is none."""

import errno
import os
import socket

from imagelet.errors import UsageError
from imagelet.messages import Message

WAITING = 128  # connections that the system keeps until they are taken


def bind(host: str, port: int, command: str, usual: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Args:
        host: the address.
        port: the port; 0 for any free one.
        command: what was typed, ``imagelet lab``, for the hints.
        usual: the port that the command takes where none is said.

    Raises:
        UsageError: the port is taken or not allowed, or the address is not this machine's.
    """
    loopback = Message("{command} --host 127.0.0.1", command=command)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError("there is no address '{host}'", loopback, host=host) from error
    family, kind, protocol, _, place = addresses[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would share a port that is in use
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            hint = Message("does it run already? {command} --port 0 takes a free one", command=command)
            raise UsageError("port {port} is taken by another program", hint, port=port) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            hint = Message("{command} --port {usual}", command=command, usual=usual)
            raise UsageError("port {port} may not be used by this user", hint, port=port) from error
        raise UsageError("'{host}' is no address of this machine", loopback, host=host) from error
    return bound
