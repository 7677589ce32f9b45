// Comic books for tests: made, read back and compared. A CBZ is a zip archive with stored pages and, perhaps, a deflated
// ComicInfo.xml. The reader is strict, so that a damaged archive is seen.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const CRC = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

export function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

// entries: [{name, data, deflate}]
export function zip(entries, comment = '') {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const e of entries) {
    const name = Buffer.from(e.name);
    const plain = Buffer.from(e.data);
    const packed = e.deflate ? zlib.deflateRawSync(plain) : plain;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2); // names are UTF-8
    common.writeUInt16LE(e.deflate ? 8 : 0, 4);
    common.writeUInt16LE(0x6000, 6);
    common.writeUInt16LE(0x4c21, 8);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(plain.length, 18);
    common.writeUInt16LE(name.length, 22);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(0x0314, 4);
    common.copy(central, 6);
    central.writeUInt32LE((0o100644 << 16) >>> 0, 38);
    central.writeUInt32LE(offset, 42);
    directory.push(central, name);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, packed);
    offset += 30 + name.length + packed.length;
  }
  const dir = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(dir.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(Buffer.byteLength(comment), 20);
  return Buffer.concat([...parts, dir, end, Buffer.from(comment)]);
}

// The entries with their contents; throws when anything in the archive does not fit together.
export function unzip(bytes) {
  const at = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (at < 0) throw new Error(`no end record in ${bytes.length} bytes`);
  const count = bytes.readUInt16LE(at + 10);
  let p = bytes.readUInt32LE(at + 16);
  if (p + bytes.readUInt32LE(at + 12) !== at) throw new Error('the directory does not end at the end record');
  if (at + 22 + bytes.readUInt16LE(at + 20) !== bytes.length) throw new Error('bytes after the end record');
  const entries = [];
  for (let i = 0; i < count; i++) {
    if (bytes.readUInt32LE(p) !== 0x02014b50) throw new Error(`entry ${i}: no directory record`);
    const lengths = [28, 30, 32].map((o) => bytes.readUInt16LE(p + o));
    const name = bytes.subarray(p + 46, p + 46 + lengths[0]).toString();
    entries.push({ name, crc: bytes.readUInt32LE(p + 16), data: entryData(bytes, p, name) });
    p += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  const names = entries.map((e) => e.name);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new Error(`two entries are called ${twice}`);
  return entries;
}

function entryData(bytes, p, name) {
  const method = bytes.readUInt16LE(p + 10);
  const [packed, size] = [bytes.readUInt32LE(p + 20), bytes.readUInt32LE(p + 24)];
  const local = bytes.readUInt32LE(p + 42);
  if (bytes.readUInt32LE(local) !== 0x04034b50) throw new Error(`${name}: no local record`);
  const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  if (bytes.subarray(local + 30, local + 30 + bytes.readUInt16LE(local + 26)).toString() !== name) {
    throw new Error(`${name}: the local record has another name`);
  }
  const raw = bytes.subarray(from, from + packed);
  const data = method === 8 ? zlib.inflateRawSync(raw) : raw;
  if (data.length !== size || crc32(data) !== bytes.readUInt32LE(p + 16)) throw new Error(`${name}: size or checksum differs`);
  return data;
}

const escapeXml = (s) => String(s).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

export function comicInfo(tags) {
  const body = Object.entries(tags).map(([k, v]) => `  <${k}>${escapeXml(v)}</${k}>`).join('\n');
  return `<?xml version="1.0" encoding="utf-8"?>\n<ComicInfo>\n${body}\n</ComicInfo>\n`;
}

// Pages that no other book has: `key` goes into each.
export function pages(key, count = 3, bytes = 2000) {
  return Array.from({ length: count }, (_, i) => {
    const seed = createHash('sha256').update(`${key} page ${i}`).digest();
    const data = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), ...Array(Math.ceil(bytes / 32)).fill(seed)]);
    return { name: `page${String(i + 1).padStart(3, '0')}.jpg`, data: data.subarray(0, bytes) };
  });
}

// A book with a long comment is changed by way of a full copy, not in place.
const LONG_COMMENT = 'scanned and packed by hand '.repeat(50);

// `xml` is the whole of ComicInfo.xml, `tags` only its values.
export function bookBytes({ key, tags, xml = tags && comicInfo(tags), pageCount, pageBytes, copied }) {
  const entries = pages(key, pageCount, pageBytes);
  if (xml) entries.push({ name: 'ComicInfo.xml', data: xml, deflate: true });
  return zip(entries, copied ? LONG_COMMENT : '');
}

// Writes one book; `name` is relative to the library.
export function makeBook(library, name, options = {}) {
  const file = path.join(library, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, bookBytes({ key: name, ...options }));
  return file;
}

// 16 names, without digits: a number in them would be taken for the book's.
function seriesName(k) {
  if (k >= 16) throw new Error('makeBooks makes up to 400 books');
  return `${['Iron', 'Glass', 'Paper', 'Silent'][k % 4]} ${['Meridian', 'Harbor', 'Comet', 'Orchard'][(k + Math.floor(k / 4)) % 4]}`;
}

// n books in folders of 25, none of them as the default template wants it, every copiedEvery-th with `copied`. Returns
// their relative paths.
export function makeBooks(library, n, { copiedEvery = Infinity, ...options } = {}) {
  const made = [];
  for (let i = 0; i < n; i++) {
    const series = seriesName(Math.floor(i / 25));
    const number = (i % 25) + 1;
    const name = `${series}/${series} ${String(number).padStart(3, '0')} (2014).cbz`;
    makeBook(library, name, { tags: i % 3 === 0 ? { Series: series, Number: number, Year: 2014 } : undefined, copied: (i + 1) % copiedEvery === 0, ...options });
    made.push(name);
  }
  return made;
}

// Every book below the folder, as relative paths in order.
export function listBooks(library) {
  const found = [];
  const walk = (folder) => {
    for (const e of fs.readdirSync(path.join(library, folder), { withFileTypes: true })) {
      const rel = folder ? `${folder}/${e.name}` : e.name;
      if (e.isDirectory()) walk(rel);
      else found.push(rel);
    }
  };
  walk('');
  return found.sort();
}

// The tags of a book's ComicInfo.xml as plain text by element; null when it has none.
export function readTags(file) {
  const entry = unzip(fs.readFileSync(file)).find((e) => e.name.toLowerCase() === 'comicinfo.xml');
  if (!entry) return null;
  const tags = {};
  for (const m of entry.data.toString().matchAll(/<(\w+)>([^<]*)<\/\1>/g)) {
    tags[m[1]] = m[2].replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  }
  return tags;
}

// A hash over the names and bytes of all entries but ComicInfo.xml: the same book has the same, whatever it is called.
export function pagesHash(file) {
  const hash = createHash('sha256');
  for (const e of unzip(fs.readFileSync(file))) {
    if (e.name.toLowerCase() === 'comicinfo.xml') continue;
    hash.update(`${e.name}\0${e.data.length}\0`).update(e.data);
  }
  return hash.digest('hex');
}

// Reads the whole library strictly. Map of pages hash to paths; throws and names the file that is no sound archive.
// `counts` says which files are looked at.
export function libraryHashes(library, counts = () => true) {
  const byHash = new Map();
  for (const rel of listBooks(library).filter(counts)) {
    let hash;
    try {
      hash = pagesHash(path.join(library, rel));
    } catch (e) {
      throw new Error(`${rel} is not a sound book: ${e.message}`);
    }
    byHash.set(hash, [...(byHash.get(hash) || []), rel]);
  }
  return byHash;
}

// What differs between two such maps: [] when each book is there exactly as often as before, pages bit for bit.
export function libraryDifferences(before, after) {
  const out = [];
  for (const [hash, names] of before) {
    const now = (after.get(hash) || []).length;
    if (now !== names.length) out.push(`${names[0]}: there ${names.length} times before, ${now} times now`);
  }
  for (const [hash, names] of after) if (!before.has(hash)) out.push(`${names[0]}: pages that no book had before`);
  return out;
}
