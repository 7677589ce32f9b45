#!/usr/bin/env python3
"""read_loop.py FOLDER: reads every book below the folder again and again, as a reader or a media server would: opens it,
lists it, reads its tags and one page. Ends when standard input ends; prints {"reads": N, "bad": [TEXT, ...]}.

A book that is renamed between the look into its folder and its opening is not a bad read.
"""
import json
import os
import select
import sys
import zipfile


def read(path, turn):
    with zipfile.ZipFile(path) as z:
        names = z.namelist()
        tags = [n for n in names if n.lower() == 'comicinfo.xml']
        pages = [n for n in names if n.lower() != 'comicinfo.xml']
        if len(tags) > 1:
            raise ValueError('tags %d times' % len(tags))
        for name in tags:
            if not z.read(name).rstrip().endswith(b'</ComicInfo>'):
                raise ValueError('half of the tags')
        if not pages:
            raise ValueError('no pages')
        z.read(pages[turn % len(pages)])  # compares the checksum


def main():
    reads, bad = 0, []
    print('reading', file=sys.stderr, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for folder, _, names in os.walk(sys.argv[1]):
            for name in names:
                if not name.endswith('.cbz') or name.startswith('.'):
                    continue
                path = os.path.join(folder, name)
                try:
                    read(path, reads)
                except FileNotFoundError:
                    if os.path.exists(path):
                        bad.append('%s: missing for a moment' % name)
                    continue
                except Exception as e:
                    bad.append('%s: %s: %s' % (name, type(e).__name__, e))
                reads += 1
    print(json.dumps({'reads': reads, 'bad': bad[:20]}))


main()
