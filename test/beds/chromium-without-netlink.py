#!/usr/bin/env python3
"""Runs Chromium ($CHROMIUM or /usr/bin/chromium) deaf to changes of the network.

Chromium ends all connections (ERR_NETWORK_CHANGED) when an address of any interface changes, and a
Docker Engine under test changes some all the time. So the socket that tells of changes is refused
to it, by a seccomp filter that it inherits; it takes that as "always online".
"""

import ctypes
import os
import struct
import sys

# audit architecture, number of the call socket(2)
CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
AF_NETLINK = 16
EAFNOSUPPORT = 97
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | EAFNOSUPPORT
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def refuse_netlink(architecture, socket_call):
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 0, 5, architecture),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_IF_EQUAL, 0, 3, socket_call),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (JUMP_IF_EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HL", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program)):
        if libc.prctl(*call, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    call = CALLS.get(os.uname().machine)
    if call is not None:
        refuse_netlink(*call)
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    os.execv(chromium, [chromium, *sys.argv[1:]])
