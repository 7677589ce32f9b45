// A library whose names are hard on a page: other directions, markup, line breaks, marks of direction, 255 bytes.
import { makeBook, makeBooks } from './books.js';

const LONG = `${'A very long name of a book that goes on and on '.repeat(6)}`.slice(0, 248);
const NAMES = [
  'ספריה/ספר ישן 001 (1999).cbz',
  'مكتبة/كتاب قديم 002.cbz',
  'Markup/"><img src=x onerror=alert(1)>.cbz',
  'Marks/two\nlines and \u202egpj.cbz',
  `Long/${LONG}.cbz`,
  `Long/${'Unbreakable'.repeat(20)}.cbz`,
];

export function makeAwkwardBooks(dir) {
  makeBooks(dir, 110);
  for (const name of NAMES) makeBook(dir, name);
}
