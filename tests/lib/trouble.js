// Disks that are small, full, read-only or failing, damaged files, and a clock that jumps.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BIN } from './server.js';

export const isRoot = process.getuid() === 0;
export const NEEDS_ROOT = 'mounting a file system needs root';

// Mounts a tmpfs of so many KB; gives {fill, free, unmount}.
export function smallDisk(folder, kilobytes, options = '') {
  fs.mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k${options}`, 'none', folder]);
  const filler = path.join(folder, '.filler');
  return {
    // Until nothing more fits.
    fill() {
      const fd = fs.openSync(filler, 'a');
      try {
        for (const size of [65536, 4096, 1]) {
          try {
            for (;;) fs.writeSync(fd, Buffer.alloc(size, 1));
          } catch (e) {
            if (e.code !== 'ENOSPC') throw e;
          }
        }
      } finally {
        fs.closeSync(fd);
      }
    },
    free() { fs.rmSync(filler, { force: true }); },
    unmount() { execFileSync('umount', ['-l', folder]); },
  };
}

// Overwrites part of a file, or cuts it.
export function damage(file, { at, bytes, cut }) {
  if (cut !== undefined) {
    fs.truncateSync(file, cut);
    return;
  }
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 37 + 11) & 255)), 0, bytes, at);
  fs.closeSync(fd);
}

// All that is in the log goes into the file, so that a test can damage it there: what stayed in the log would heal it.
export function checkpoint(state, db) {
  const args = ['-cmd', '.timeout 500', path.join(state, db), 'PRAGMA wal_checkpoint(TRUNCATE)'];
  for (let i = 0; i < 20; i++) if (execFileSync('sqlite3', args).toString().startsWith('0|')) return;
  throw new Error(`${db}: somebody reads or writes all the time; no whole checkpoint`);
}

// The environment of tests/shim/disk.c and what it shall do: set('fail 5 /state/') or set('shift 86400').
export function shim(file) {
  fs.writeFileSync(file, '');
  return {
    env: { LD_PRELOAD: path.resolve(BIN, '../shim/disk.so'), LB_SHIM: file, ASAN_OPTIONS: 'verify_asan_link_order=0' },
    set(text) {
      fs.writeFileSync(`${file}.new`, `${text}\n`);
      fs.renameSync(`${file}.new`, file);
    },
  };
}
