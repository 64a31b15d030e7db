"""What a disk holds: what is on the medium, and what is only in its cache."""

import os
import random
from collections import deque

PAGE = 4096
# What a disk writes whole: today's physical sector, and what ext4 needs at least. Its superblock has 1024 bytes with a checksum at their end, and a
# write of it that is torn between two sectors of 512 leaves a filesystem that no kernel mounts, with Pine or without (docs/reliability.md).
SECTOR = 4096
# of the block that pine and GRUB keep their state in
ENV = b"# GRUB Environment Block\npine_"
# A disk's cache has a size: what is older reaches the medium by itself.
CACHE = 64 << 20


class Disk:
    """Sizes and offsets in bytes; `top` and `layers` are folders."""

    def __init__(self, base, size, top, layers=()):
        self.size = size
        self.folder = top
        self.files = [os.open(base, os.O_RDONLY)]
        self.durable = bytearray(self.size // PAGE)  # page -> its file
        self.log = deque()  # (offset, bytes), in order: not flushed yet
        self.memory = {}  # page -> its newest bytes, where these are not flushed
        self.waiting = 0  # bytes in the log
        self.flushes = self.writes = 0
        self.states = self.flushed_states = 0  # writes of Pine's state
        for folder in [*layers, top]:
            self.layer(folder)
        self.where = bytearray(self.durable)
        self.top = len(self.files) - 1

    def layer(self, folder):
        os.makedirs(folder, exist_ok=True)
        data = os.path.join(folder, "data")
        self.files.append(os.open(data, os.O_RDWR | os.O_CREAT, 0o600))
        os.ftruncate(self.files[-1], self.size)
        pages = os.path.join(folder, "pages")
        if os.path.exists(pages):
            with open(pages, "rb") as f:
                for page, there in enumerate(f.read()):
                    if there:
                        self.durable[page] = len(self.files) - 1

    # Reading

    def read(self, buf, offset):
        view = memoryview(buf)
        at, end = offset, offset + len(view)
        while at < end:
            page = at // PAGE
            place = self.where[page]
            if place == 255:
                upto = min(end, (page + 1) * PAGE)
                view[at - offset : upto - offset] = self.memory[page][at % PAGE : at % PAGE + upto - at]
            else:
                last = (end - 1) // PAGE
                while page < last and self.where[page + 1] == place:
                    page += 1
                upto = min(end, (page + 1) * PAGE)
                os.preadv(self.files[place], [view[at - offset : upto - offset]], at)
            at = upto

    # Writing

    def write(self, data, offset):
        self.writes += 1
        self.states += ENV in data
        self.remember(data, offset)
        if self.waiting > CACHE:
            self.evict()

    def remember(self, data, offset):
        self.log.append((offset, data))
        self.waiting += len(data)
        at, end = offset, offset + len(data)
        while at < end:
            page, within = divmod(at, PAGE)
            upto = min(end, (page + 1) * PAGE)
            if upto - at < PAGE:
                whole = bytearray(PAGE)
                self.read(whole, page * PAGE)
                whole[within : within + upto - at] = data[at - offset : upto - offset]
                self.memory[page] = whole
            else:
                self.memory[page] = data[at - offset : upto - offset]
            self.where[page] = 255
            at = upto

    def evict(self):
        while self.waiting > CACHE // 2:
            offset, data = self.log.popleft()
            self.waiting -= len(data)
            self.store(offset, data)
        newer = self.log
        self.clear()
        for offset, data in newer:
            self.remember(data, offset)

    def store(self, offset, data):
        """Puts bytes on the medium."""
        first, last = offset // PAGE, (offset + len(data) - 1) // PAGE
        for page in {first, last}:
            if self.durable[page] != self.top:
                os.pwrite(self.files[self.top], os.pread(self.files[self.durable[page]], PAGE, page * PAGE), page * PAGE)
        os.pwrite(self.files[self.top], data, offset)
        self.durable[first : last + 1] = bytes([self.top]) * (last + 1 - first)

    def clear(self):
        for page in self.memory:
            self.where[page] = self.durable[page]
        self.memory = {}
        self.log = deque()
        self.waiting = 0

    def flush(self):
        for offset, data in self.log:
            self.store(offset, data)
        self.clear()
        self.flushes += 1
        self.flushed_states = self.states

    def settle(self, seed, mode):
        """The power is gone: what reached the medium of what was not flushed."""
        chance = random.Random(seed)
        lost = kept = 0
        for offset, data in self.log:
            unit = SECTOR if mode == "sectors" else len(data)
            for at in range(0, len(data), unit):
                if mode != "drop" and chance.random() < 0.5:
                    self.store(offset + at, data[at : at + unit])
                    kept += 1
                else:
                    lost += 1
        self.clear()
        return {"lost": lost, "kept": kept}

    def save(self):
        """Everything written so far is the top folder's, which can be a layer then."""
        with open(os.path.join(self.folder, "pages"), "wb") as f:
            f.write(bytes(self.top == place for place in self.durable))

    def export(self, path):
        """Puts the layers on a copy of the base."""
        out = os.open(path, os.O_WRONLY)
        for page, place in enumerate(self.durable):
            if place:
                os.pwrite(out, os.pread(self.files[place], PAGE, page * PAGE), page * PAGE)
        os.close(out)
