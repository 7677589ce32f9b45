/*
 * common.js - what every page loads at once. The bundler puts all of it into one file, which every part of the pages
 * shares (build.mjs): one file packs better than a handful of small ones, and is fetched with one request.
 */
import './install.js';
import './page.js';
import './preferences.js';
import './query.js';
import './view_frame.js';
import './view_progress.js';
