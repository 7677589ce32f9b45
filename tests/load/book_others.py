#!/usr/bin/env python3
"""book_others.py make FOLDER N MEGABYTES PAGES NAME: books for the bench, pages stored, tags last.
book_others.py cp|rebuild SIDE_BY_SIDE FOLDER < PATHS: what others do with each book; prints {"books", "seconds", "ms"}.

cp: `cp --reflink=never` of the book beside it and a sync of the copy, which is removed again. The least that a program can
do that writes a new file safely. rebuild: ComicTagger's way (1.x): each entry is unpacked and packed into a new archive
with Python's zipfile, the old file removed, the new one renamed, the tags appended; it syncs nothing, so neither do we.
"""
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor

XML = ('<?xml version="1.0" encoding="utf-8"?>\n<ComicInfo>\n  <Title>%s</Title>\n  <Series>Bench</Series>\n  <Number>%d</Number>\n'
       '  <Summary>' + 'A sentence of the summary. ' * 60 + '</Summary>\n</ComicInfo>\n')


def make(folder, n, megabytes, pages, name):
    os.makedirs(folder, exist_ok=True)
    size = int(megabytes * 1e6 / pages)
    noise = random.Random(1).randbytes(size + 4096)
    for i in range(n):
        with zipfile.ZipFile(os.path.join(folder, name % i), 'w', zipfile.ZIP_STORED) as z:
            for p in range(pages):
                at = (i * 31 + p * 7) % 4096
                z.writestr('page %04d.jpg' % p, noise[at:at + size])
            z.writestr('ComicInfo.xml', XML % ('Old', i), zipfile.ZIP_DEFLATED)


def cp(path):
    begun = time.monotonic()
    subprocess.run(['cp', '--reflink=never', path, path + '.copy'], check=True)
    fd = os.open(path + '.copy', os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    took = time.monotonic() - begun
    os.unlink(path + '.copy')
    return took * 1e3


def rebuild(path):
    begun = time.monotonic()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path + '.new', 'w', allowZip64=True) as new:
        for item in old.infolist():
            content = old.read(item.filename)
            if item.filename != 'ComicInfo.xml':
                new.writestr(item, content)
        new.comment = old.comment
    os.remove(path)
    os.rename(path + '.new', path)
    with zipfile.ZipFile(path, 'a', allowZip64=True, compression=zipfile.ZIP_DEFLATED) as z:
        z.writestr('ComicInfo.xml', XML % (begun, 1))
    return (time.monotonic() - begun) * 1e3


def main():
    if sys.argv[1] == 'make':
        folder, n, megabytes, pages, name = sys.argv[2:]
        make(folder, int(n), float(megabytes), int(pages), name)
        return
    what, side_by_side, folder = sys.argv[1:]
    paths = [os.path.join(folder, line.rstrip('\n')) for line in sys.stdin]
    with ProcessPoolExecutor(int(side_by_side)) as pool:
        list(pool.map(abs, range(int(side_by_side))))  # the processes are there before the clock starts
        begun = time.monotonic()
        ms = sorted(pool.map({'cp': cp, 'rebuild': rebuild}[what], paths))
        seconds = time.monotonic() - begun
    print(json.dumps({'books': len(ms), 'seconds': seconds, 'ms': {'median': ms[len(ms) // 2], 'most': ms[-1]}}))


main()
