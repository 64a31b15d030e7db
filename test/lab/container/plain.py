"""First half of a plain container: a user namespace and the tree, mounted so that its root is the namespace's root.

usage: plain.py FIRST-ID GROUP ROOT PLACE PROGRAM [ARGUMENT...]
Runs PROGRAM as root of new user and mount namespaces; ROOT is mounted on PLACE there, its owners moved up by FIRST-ID. Nothing of it is
left when the last process is gone but the empty control group of that name. Must be run as root.
"""
import ctypes
import os
import signal
import struct
import sys

NEWNS, NEWUSER = 0x00020000, 0x10000000
PRIVATE = (1 << 18) | (1 << 14)  # MS_PRIVATE | MS_REC
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
AT_FDCWD, EMPTY_PATH, CLONE = -100, 0x1000, 1 | 0o2000000
FROM_EMPTY_PATH, IDMAP = 4, 0x00100000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        sys.exit(f"container: cannot {what}: {os.strerror(code)}")
    return result


def user_namespace(first):
    """A descriptor of a user namespace whose ids 0 to 65535 are `first` and what follows."""
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        check(libc.unshare(NEWUSER), "make a user namespace")
        os.write(done, b"x")
        signal.pause()
    os.close(done)
    if os.read(ready, 1) != b"x":
        sys.exit(1)
    for kind in ("uid", "gid"):
        with open(f"/proc/{child}/{kind}_map", "w") as f:
            f.write(f"0 {first} 65536")
    namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return namespace


def own_group(first, name):
    """Enters a control group of its own, which the namespace's root may divide; a machine without version 2 has none."""
    mounts = [line.split() for line in open("/proc/self/mounts")]
    where = [m[1] for m in mounts if m[2] == "cgroup2"]
    if not where:
        return
    group = f"{where[0]}/{name}"
    os.makedirs(group, exist_ok=True)
    for file in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        os.chown(f"{group}/{file}", first, first)
    with open(f"{group}/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))


first, group, command = int(sys.argv[1]), sys.argv[2], sys.argv[5:]
root, place = (os.fsencode(path) for path in sys.argv[3:5])
parent = os.getppid()
own_group(first, group)
check(libc.unshare(NEWNS), "make a mount namespace")
check(libc.mount(b"none", b"/", None, ctypes.c_ulong(PRIVATE), None), "keep mounts to itself")
namespace = user_namespace(first)
tree = check(libc.syscall(OPEN_TREE, AT_FDCWD, root, CLONE), "open the tree")
attributes = struct.pack("QQQQ", IDMAP, 0, 0, namespace)
what = "shift the tree's owners (its file system must allow idmapped mounts)"
check(libc.syscall(MOUNT_SETATTR, tree, b"", EMPTY_PATH, attributes, len(attributes)), what)
check(libc.syscall(MOVE_MOUNT, tree, b"", AT_FDCWD, place, FROM_EMPTY_PATH), "mount the tree")
os.close(tree)
check(libc.setns(namespace, NEWUSER), "enter the user namespace")
os.close(namespace)
os.setgroups([])
os.setresgid(0, 0, 0)
os.setresuid(0, 0, 0)
# Whoever started us wants us to end with it; the kernel forgets that when a process becomes somebody else.
check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "ask for its parent's end")
if os.getppid() != parent:
    sys.exit("container: whoever started it is gone")
os.execvp(command[0], command)
