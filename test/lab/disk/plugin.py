"""A disk that drops what was not flushed, for nbdkit: what a power cut leaves of a real one, by a seed.

Three places hold a page of 4 KiB: layers (folders made by `save`, read-only, over a raw base), the top layer (what was flushed since),
and memory (what was written and not flushed). Parameters: base=FILE size=BYTES top=FOLDER control=SOCKET [layers=FOLDER:FOLDER...].
The control socket takes a line of JSON a request, and answers with one; see disk.ts.
"""

import errno
import json
import os
import socket
import threading

import nbdkit
from medium import ENV, Disk

API_VERSION = 2

options = {}
disk = None
lock = threading.Condition()


class Power:
    """Whether the disk has any, and when it goes by itself."""

    failing = frozen = False
    trigger = None

    def wrote(self, data):
        t = self.trigger
        if not t or t["on"] != "state" or ENV not in data:
            return
        t["n"] -= 1
        if t["n"] == 0:
            if t["at"] == "write":
                self.freeze()
            else:
                self.trigger = {"on": "flush", "n": 1, "at": "after"}

    def flushing(self, moment):
        t = self.trigger
        if not t or t["on"] != "flush":
            return
        if moment == "before":
            t["n"] -= 1
        if t["n"] == 0 and t["at"] == moment:
            self.freeze()

    def freeze(self):
        self.frozen = True
        self.trigger = None
        lock.notify_all()


power = Power()


def alive():
    """What comes after the power is gone waits, and fails when it is back: nobody is told of a write that is lost."""
    if power.frozen:
        while power.frozen:
            lock.wait()
        nbdkit.set_error(errno.EIO)
        raise RuntimeError("the power was cut")


# What nbdkit calls


def config(key, value):
    options[key] = value


def config_complete():
    global disk
    layers = [folder for folder in options.get("layers", "").split(":") if folder]
    disk = Disk(options["base"], int(options["size"]), options["top"], layers)


def thread_model():
    return nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS


def after_fork():
    threading.Thread(target=listen, daemon=True).start()


def open(readonly):
    return 1


def get_size(h):
    return disk.size


def can_multi_conn(h):
    return False


def pread(h, buf, offset, flags):
    with lock:
        alive()
        disk.read(buf, offset)


def pwrite(h, buf, offset, flags):
    with lock:
        alive()
        if power.failing:
            nbdkit.set_error(errno.EIO)
            raise RuntimeError("writes fail for now")
        data = bytes(buf)
        disk.write(data, offset)
        power.wrote(data)
        alive()


def flush(h, flags):
    with lock:
        alive()
        power.flushing("before")
        alive()
        disk.flush()
        power.flushing("after")
        alive()



# The control socket


def answer(request):
    do = request["do"]
    if do == "freeze":
        power.freeze()
    elif do == "wait":
        while not power.frozen:
            lock.wait()
    elif do == "settle":
        result = disk.settle(request["seed"], request["mode"])
        power.frozen = False
        lock.notify_all()
        return result
    elif do == "trigger":
        power.trigger = request.get("trigger")
    elif do == "fail":
        power.failing = request["on"]
    elif do == "save":
        disk.save()
    elif do == "export":
        disk.export(request["path"])
    elif do != "stat":
        raise ValueError(do)
    return {
        "flushes": disk.flushes,
        "writes": disk.writes,
        "waiting": disk.waiting,
        "states": disk.states,
        "flushedStates": disk.flushed_states,
        "frozen": power.frozen,
    }


def serve(connection):
    with connection, connection.makefile("rw") as lines:
        for line in lines:
            try:
                with lock:
                    said = answer(json.loads(line))
            except Exception as error:  # the caller dies of it, not the disk
                said = {"error": repr(error)}
            lines.write(json.dumps(said) + "\n")
            lines.flush()


def listen():
    server = socket.socket(socket.AF_UNIX)
    server.bind(options["control"])
    server.listen()
    while True:
        threading.Thread(target=serve, args=[server.accept()[0]], daemon=True).start()
