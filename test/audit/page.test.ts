/** The audit's page: what it is made of, that strangers' words stay words, and that its numbers are the JSON's. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { auditPage, escrowPage } from '../../scripts/lib/audit/page/page.ts';
import { auditText } from '../../scripts/lib/audit/text.ts';
import type { Audit, EscrowAudit } from '../../scripts/lib/audit/types.ts';
import { sampleAudit, type Strange } from './sample.ts';

const HOSTILE = '</code></bdi>"\'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u202e\u0000\n\u001b[2J';
const FIELDS: readonly (keyof Strange)[] = [
  ...(['uri', 'model', 'data', 'tokenizer', 'recipe', 'store', 'reason', 'detail', 'finding', 'note', 'command'] as const),
];
const hostile = sampleAudit(Object.fromEntries(FIELDS.map((name) => [name, `${name}: ${HOSTILE}`])));

const TAGS = new Set(
  [
    'html head meta title style body main h1 h2 h3 h4 p nav ul li a span div code bdi br dl dt dd table caption thead tbody tfoot tr th td',
    'section pre em time footer',
  ].flatMap((names) => names.split(' ')),
);

/** Every tag and attribute is one that the page's own code writes. */
function wellBehaved(page: string): void {
  const [, bare] = page.split('</style>') as [string, string];
  for (const [, name] of bare.matchAll(/<\/?([a-zA-Z][^\s>/]*)/g)) assert.ok(TAGS.has(name as string), name);
  for (const [, name, value] of bare.matchAll(/\s([a-zA-Z-]+)="([^"]*)"/g)) {
    assert.match(name as string, /^(class|id|href|role|scope|tabindex|aria-label|data-label|datetime)$/);
    if (name === 'href') assert.match(value as string, /^#/);
  }
  // Nothing that a browser would follow or fetch, in the page's own style neither.
  assert.doesNotMatch(page, /<script|<img|<link|<iframe|javascript:|url\(|@import|<[^>]*\s(src|on[a-z]+)=/);
}

const escrowOf = (bounties: readonly Audit[]): EscrowAudit => ({
  ...{ ok: true, chainId: 1, escrow: '0x0000000000000000000000000000000000000009', bounties, replayed: 1, gas: 0n },
  ...{ liabilities: null, coins: [], findings: [], made: hostile.made },
});

test('strangers’ words are shown as words: no tag, no attribute, no hidden or turned text', () => {
  for (const page of [auditPage(hostile), escrowPage(escrowOf([hostile, sampleAudit()]))]) {
    wellBehaved(page);
    for (const name of FIELDS) assert.ok(page.includes(`${name}: &#60;/code&#62;&#60;/bdi&#62;&#34;&#39;&#62;&#60;script&#62;`), name);
    assert.ok(page.includes('&#38;amp;\\u{202e}\\u{0}\\u{a}\\u{1b}[2J'));
    assert.doesNotMatch(page, /[\u202e\u0000\u001b]/);
  }
});

test('a terminal gets no control characters, and no line of a stranger’s', () => {
  const text = auditText(hostile);
  assert.doesNotMatch(text, /[\u202e\u0000\u001b]/);
  assert.ok(text.split('\n').every((line) => !line.startsWith('[2J')));
});

test('the page’s policy allows its style, by its digest, and nothing else', () => {
  const page = auditPage(sampleAudit());
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] as string;
  const digest = createHash('sha256').update(style).digest('base64');
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1];
  assert.equal(policy, `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`);
});

test('the page is a rendering of the JSON: from the parsed text it is the same', () => {
  const json = JSON.stringify(hostile, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  assert.equal(auditPage(JSON.parse(json) as Audit), auditPage(hostile));
});

/** Rows of the table with this caption, cells as text. */
function rowsOf(page: string, caption: string): string[][] {
  const [, after] = page.split(`aria-label="${caption}"`);
  const [table] = (after as string).split('</table>') as [string];
  return [...table.matchAll(/<tr role="row">([\s\S]*?)<\/tr>/g)].map(([, row]) =>
    [...(row as string).matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) =>
      (cell as string).replace(/<[^>]*>|\s+/g, ' ').trim(),
    ),
  );
}
const number = (cell: string | undefined): number => Number((cell as string).replaceAll(',', ''));

test('its sums add up, by transaction and by party, to those of the JSON', () => {
  const audit = sampleAudit();
  const page = auditPage(audit);
  for (const [caption, column, total] of [
    ['Gas of each transaction', 3, Number(audit.gas)],
    ['Gas of each party', 2, Number(audit.gas)],
    ['Gas of each party', 1, audit.transactions.length],
  ] as const) {
    const [, ...rows] = rowsOf(page, caption);
    const sum = number(rows.pop()?.[column]);
    assert.equal(sum, total, caption);
    assert.equal(
      rows.reduce((n, row) => n + number(row[column]), 0),
      total,
      caption,
    );
  }
  assert.equal(rowsOf(page, 'Events of the escrow about this bounty').length, 1 + audit.events.length);
  assert.equal(rowsOf(page, 'Every movement').length, 1 + audit.flows.length);
});

test('ids are unique, and every link of the page has its target', () => {
  for (const page of [auditPage(sampleAudit()), escrowPage(escrowOf([sampleAudit(), sampleAudit()]))]) {
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.includes(target), target);
  }
});

test('what was not verified is not called right', () => {
  const { package: _package, ...rest } = sampleAudit();
  const page = auditPage({ ...rest, package: null });
  assert.match(page, /from the chain only/);
  assert.doesNotMatch(page, /all agrees/);
});
