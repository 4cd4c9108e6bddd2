/**
 * HTML that can't be broken out of: text becomes HTML here and nowhere else, and `html` escapes every value that is not HTML already. Most of an
 * audit's text is written by strangers.
 */
import { visible } from '../words.ts';

/** A piece of HTML; only this file makes some. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };

type Value = Html | string | number | bigint | null | readonly Value[];

/** Text for HTML's content and for quoted attributes. */
const escaped = (text: unknown): string => visible(text).replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);

const written = (value: Value): string => {
  if (value === null) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(written).join('');
  return escaped(value);
};

/** A template whose values are escaped; lists are joined, null is nothing. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(parts.reduce((text, part, i) => text + written(values[i - 1] ?? null) + part));

/** A value in fixed width that may break anywhere: digests, addresses, commands. */
export const code = (text: unknown): Html => html`<code>${String(text)}</code>`;

/** A stranger's text: its direction stays its own. */
export const strange = (text: unknown): Html => html`<bdi class="strange">${String(text)}</bdi>`;

export const link = (target: string, text: string): Html => html`<a href="#${target}">${text}</a>`;

/** A heading of the levels 1 to 6. */
export function heading(level: number, content: Value, id?: string): Html {
  const [open, close] = [new Html(`<h${level}`), new Html(`</h${level}>\n`)];
  return html`${open}${id === undefined ? null : html` id="${id}"`}>${content}${close}`;
}

/** A style element, byte for byte: the page's policy names its digest. */
export const styled = (style: string): Html => new Html(`<style>${style}</style>`);

interface Column {
  readonly name: string;
  readonly number?: true;
}
/** A column of a table; those of numbers are aligned on the right. */
export const column = (name: string): Column => ({ name });
export const numbers = (name: string): Column => ({ name, number: true });

/**
 * A table whose first cell of a row is the row's name. Wide ones scroll in a region of their own, which the keyboard reaches; on narrow screens
 * every row becomes a list of its cells, each with its column's name, and the roles keep it a table for who listens to it.
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Value[])[],
  foot: readonly Value[] | null = null,
): Html {
  const cell = (value: Value, i: number): Html => {
    const { name, number } = columns[i] as Column;
    const kind = number ? 'n' : '';
    if (i === 0) return html`<th scope="row" role="rowheader">${value}</th>`;
    return html`<td role="cell" class="${value === '' ? 'none' : kind}" data-label="${name}">${value}</td>`;
  };
  const line = (row: readonly Value[]): Html =>
    html`<tr role="row">
      ${row.map(cell)}
    </tr> `;
  const head = ({ name, number }: Column): Html => html`<th scope="col" role="columnheader" class="${number ? 'n' : ''}">${name}</th>`;
  const last =
    foot === null
      ? null
      : html`<tfoot role="rowgroup">
          ${line(foot)}
        </tfoot>`;
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table role="table">
      <caption>
        ${caption}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map(head)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(line)}
      </tbody>
      ${last}
    </table>
  </div> `;
}

/** Names and values; those that are null are left out. */
export const list = (entries: readonly (readonly [name: string, value: Value])[]): Html =>
  html`<dl>
    ${entries
      .filter(([, value]) => value !== null)
      .map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div> `,
      )}
  </dl> `;
