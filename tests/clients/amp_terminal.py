"""Starts a program in a terminal, types a line when it is ready for one, and says whether words came.

    amp_terminal.py READY TYPED PATTERN COMMAND...

What is drawn is drawn piece by piece, wherever something changed: a pattern must leave room for that.
Answers what a terminal is asked about itself. Standard library only.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ready, typed, pattern, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
# What programs ask a terminal, and what one without extras answers: where the cursor is, what it
# is, its colours.
ANSWERS = [(b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b]11;?", b"\x1b]11;rgb:0000/0000/0000\x07"), (b"\x1b]10;?", b"\x1b]10;rgb:ffff/ffff/ffff\x07")]

child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

shown, begun, sent, entered = b"", time.monotonic(), False, 0.0
while time.monotonic() - begun < 60:
    readable, _, _ = select.select([terminal], [], [], 0.2)
    if readable:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        shown += piece
        for question, answer in ANSWERS:
            if question in piece:
                os.write(terminal, answer)
    plain = re.sub(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[()=>][0-9A-Za-z]?", b"", shown)
    if not sent and ready.encode() in plain:
        for letter in typed:
            time.sleep(0.02)
            os.write(terminal, letter.encode())
        sent, shown = True, b""
    elif sent and time.monotonic() - entered > 1:
        # Taken only once all is loaded; on an empty line it does nothing.
        os.write(terminal, b"\r")
        entered = time.monotonic()
    if sent and re.search(pattern.encode(), plain, re.S):
        print("seen")
        os.kill(child, signal.SIGKILL)
        sys.exit(0)
os.kill(child, signal.SIGKILL)
print(plain.decode(errors="replace")[-3000:])
sys.exit(1)
