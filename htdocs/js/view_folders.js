/*
 * view_folders.js - the folders beside the list; loaded when the list is there.
 */
import { useState } from 'preact/hooks';
import { html, Name } from './dom.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { num } from './format.js';

/* Where one is, and the folders below. */
export function View({ library }) {
  const [open, setOpen] = useState(false); /* on a phone */
  const { folder, filter } = store.view.value;
  const known = store.folders.value;
  const list = known?.folder === folder ? known.list : [];
  if (!folder && list.length === 0) return null;
  const parts = folder ? folder.split('/') : [];
  const choose = (to) => {
    setOpen(false);
    library.setFolder(to);
  };
  const crumb = (text, to, current) => html`<li><button class="plain" aria-current=${current ? 'true' : null} onClick=${() => choose(to)}>${text}</button></li>`;
  return html`
    <nav class="folders" id="folders" aria-label=${texts.listFolders}>
      <ol class="crumbs">
        ${crumb(texts.listAllFolders, '', !folder)}
        ${parts.map((part, i) => crumb(html`<${Name} text=${part} />`, parts.slice(0, i + 1).join('/'), i === parts.length - 1))}
      </ol>
      ${list.length > 0 && html`<button class="narrow-only" id="btn-folders" aria-expanded=${open ? 'true' : 'false'} onClick=${() => setOpen(!open)}>${texts.listFolders} (${num(list.length)}${known.next ? '+' : ''})</button>`}
      <ul class=${open ? 'open' : ''}>
        ${list.map(
          (row) => html`
            <li key=${row.name}>
              <button class="plain" disabled=${row.folder === null} title=${row.folder === null ? texts.listBadFolder : null} onClick=${() => choose(row.folder)}>
                <${Name} text=${row.name} /><span class="count">${num(row.counts[filter])}</span>
              </button>
            </li>
          `,
        )}
        ${known?.next && list.length > 0 && html`<li><button class="plain" onClick=${library.moreFolders}>${texts.listMoreFolders}</button></li>`}
      </ul>
    </nav>
  `;
}
