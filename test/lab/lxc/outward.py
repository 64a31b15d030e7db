"""Leads a port of a container's neighbour to the same port of this machine.

usage: outward.py PID ADDRESS PORT
Listens on ADDRESS:PORT in the network of process PID, prints the port, and passes every connection on to 127.0.0.1:PORT of the network that
it was started in, until it is killed.
"""
import asyncio
import ctypes
import os
import socket
import sys

from forward import serve

NEWNET = 0x40000000
pid, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
here = os.open("/proc/self/ns/net", os.O_RDONLY)
there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
if libc.setns(there, NEWNET) != 0:
    sys.exit("lxc: cannot enter the container's network")
# a socket stays in the network it was made in
listener = socket.create_server((address, port), backlog=64)
if libc.setns(here, NEWNET) != 0:
    sys.exit("lxc: cannot go back to this machine's network")
asyncio.run(serve(listener, "127.0.0.1", port, port))
