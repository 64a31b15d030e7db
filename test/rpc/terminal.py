"""Runs a command on a terminal and presses Ctrl-C when a text shows: terminal.py TEXT COMMAND...; answers JSON on standard output."""
import json, os, pty, re, select, sys, time

text = sys.argv[1].encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown, pressed = b"", None
while True:
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if ready:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    if pressed is None and text in shown:
        os.write(terminal, b"\x03")
        pressed = time.monotonic()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown).decode(errors="replace")
print(json.dumps({"code": code, "pressed": pressed is not None, "text": plain}))
