/*
 * dom.js - markup for the views. Everything put into it becomes text or attributes, never HTML.
 */
import { h } from 'preact';
import htm from 'htm';
import { visible } from './format.js';

export const html = htm.bind(h);

/* A name from outside: one line, its direction kept to itself. */
export const Name = ({ text, ...rest }) => html`<bdi ...${rest}>${visible(text)}</bdi>`;

const PATHS = {
  check: 'M3.5 8.5l3 3 6-7',
  circle: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z',
  copy: 'M6 6h7v7H6zM10 6V3H3v7h3',
  cross: 'M4 4l8 8M12 4l-8 8',
  alert: 'M8 2.5l6 11H2zM8 7v3M8 11.8v.4',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  play: 'M5 3.5l7 4.5-7 4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  dot: 'M8 7.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2z',
};

/* A picture that only repeats what the text next to it says. */
export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>
`;
