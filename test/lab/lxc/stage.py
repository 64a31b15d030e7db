"""Keeps a network and mounts of its own for one LXC container, and forwards a port of the machine to it.

usage: stage.py PORT ADDRESS PROGRAM [ARGUMENT...]
Listens on 127.0.0.1:PORT (0: any) in the network it was started in, makes network and mount namespaces, runs PROGRAM in them, prints the
port, and passes every connection on to port 22 of ADDRESS there until it is killed. All of it ends with this process.
"""
import asyncio
import ctypes
import socket
import subprocess
import sys

from forward import serve

NEWNS, NEWNET = 0x00020000, 0x40000000

port, address, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
# a socket stays in the network it was made in
listener = socket.create_server(("127.0.0.1", port), backlog=64)
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(NEWNS | NEWNET) != 0:
    sys.exit("lxc: cannot make network and mount namespaces")
if subprocess.run(program, stdout=sys.stderr).returncode != 0:
    sys.exit(1)
asyncio.run(serve(listener, address, 22, listener.getsockname()[1]))
