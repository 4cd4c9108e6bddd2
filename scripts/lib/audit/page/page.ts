/**
 * The audit as one page: no script, nothing fetched, no link that leads out, so that it can be kept, mailed and printed. A policy in the page forbids
 * the browser everything but the page's own style, should a stranger's text ever get through as HTML.
 *
 * It is a rendering of the audit's JSON and knows nothing else: `auditPage(JSON.parse(json))` is the same page.
 */
import { createHash } from 'node:crypto';
import { zeroAddress } from 'viem';
import { amountIn } from '../../coins.ts';
import type { Audit, EscrowAudit, Making } from '../types.ts';
import { count, namesOf, outcome, utc, type Names } from '../words.ts';
import { replays, verdicts, type Heading } from './claims.ts';
import { gas, money, timeline } from './history.ts';
import { code, column, heading, html, link, numbers, strange, styled, table, type Html } from './html.ts';
import { STYLE } from './style.ts';
import { published, terms, who } from './terms.ts';

const BADGE = {
  'all agrees': ['good', '✓ all agrees'],
  findings: ['bad', '✗ findings'],
  'chain only': ['open', '○ from the chain only'],
} as const;

const badge = (a: Audit): Html => html`<span class="badge ${BADGE[outcome(a)][0]}">${BADGE[outcome(a)][1]}</span>`;

/** Headings below a level: sections are `depth` 0. */
const headingAt =
  (top: number): Heading =>
  (depth, text, id) =>
    heading(top + depth, text, id);

const items = (kind: 'findings' | 'notes', of: readonly string[]): Html =>
  html`<ul class="${kind}">
    ${of.map((text) => html`<li>${strange(text)}</li>`)}
  </ul> `;

/** What the audit comes to, for who reads nothing else. */
function summary(a: Audit, { amount }: Names): Html {
  const { terms: t } = a;
  const paid = a.claims.filter((c) => c.status === 'paid').length;
  const claims = `${a.claims.length} ${a.claims.length === 1 ? 'claim was' : 'claims were'} made`;
  const checked = a.claims.filter((c) => c.valid !== null);
  const verified =
    a.package === null
      ? 'The package was not given, so no bundle was verified.'
      : `${checked.length} of ${a.claims.length} bundles could be had and were verified again: ${checked.filter((c) => c.valid === true).length} valid, ${checked.filter((c) => c.valid === false).length} not.`;
  const end = {
    'all agrees': 'Nothing was found that contradicts terms, verdicts or payments.',
    findings: 'What was found is listed next.',
    'chain only': 'Nothing on the chain contradicts the terms.',
  }[outcome(a)];
  return html`<p class="lead">
    A bounty of ${amount(t.reward, t.token)} for ${count(t.steps)} proven training steps, ${a.status}. ${claims},
    ${paid === 0 ? 'none was' : paid === 1 ? 'one was' : `${paid} were`} paid. ${verified} ${count(a.gas)} gas in ${a.transactions.length}
    transactions. ${end}
  </p> `;
}

/** One bounty's sections. */
function bounty(a: Audit, heading: Heading, prefix: string): Html {
  const names = namesOf(a);
  return html`${summary(a, names)}
  ${a.findings.length === 0 ? null : html`${heading(0, 'Findings', `${prefix}findings`)}${items('findings', a.findings)}`}
  ${a.notes.length === 0 ? null : html`${heading(0, 'Not checked', `${prefix}notes`)}${items('notes', a.notes)}`}
  ${heading(0, 'Who', `${prefix}who`)}${who(a, names)}
  ${heading(0, 'What', `${prefix}what`)}${terms(a, names)}${heading(1, 'Published files')}${published(a)}
  ${heading(0, 'When', `${prefix}when`)}${timeline(a, names, prefix)}
  ${heading(0, 'Verdicts', `${prefix}verdicts`)}${verdicts(a, names, prefix)}
  ${heading(0, 'Money', `${prefix}money`)}${money(a, names, prefix)} ${heading(0, 'Gas', `${prefix}gas`)}${gas(a, names, prefix)}
  ${heading(0, 'Replay', `${prefix}replay`)}${replays(a, names, heading, prefix)}`;
}

const codeLine = ({ code: { escrow, fraudProof, delivery }, version }: Making): string =>
  escrow && fraudProof && delivery
    ? `The escrow’s contract. Its code and that of its checkers are those of Fineproof ${version}, but for immutables.`
    : 'The escrow’s contract. Its code, or that of a checker, is not this version’s: compare it with the sources of the version that it is said to be.';

/** How to make it again, and what it rests on. */
const closing = (made: Making, chainId: number): Html =>
  html`<h2 id="again">To repeat this audit</h2>
    <pre><code>${made.command}</code></pre>
    <p>
      FINEPROOF_RPC is a node of chain ${chainId}, best one of your own. The events up to block ${count(made.block)} give these tables;
      later ones may add to them.
    </p>
    <h2 id="limits">What this rests on</h2>
    <ul>
      <li>The node’s word that these are the chain’s events, and all of them.</li>
      <li>${codeLine(made)}</li>
      <li>The soundness of the proof system, where bundles were verified: discrete logarithms on BN254, keccak as a random oracle.</li>
      <li>This page is as good as who gives it to you. Repeat the audit rather than believe it.</li>
    </ul>
    <footer>Made ${utc(made.time)} at block ${count(made.block)} by Fineproof ${made.version}.</footer> `;

const SECTIONS = ['who', 'what', 'when', 'verdicts', 'money', 'gas', 'replay'] as const;

function document(title: string, main: Html): string {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"
        />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${styled(STYLE)}
      </head>
      <body>
        <main>${main}</main>
      </body>
    </html> `;
  return page.text;
}

/** The page of one bounty. */
export function auditPage(a: Audit): string {
  const sections = [...(a.findings.length === 0 ? [] : ['findings']), ...SECTIONS, 'again'];
  return document(
    `Audit of bounty ${a.bounty}`,
    html`<h1>Audit of a fine-tuning bounty ${badge(a)}</h1>
      <p class="id">
        ${code(a.bounty)}<br /><span class="soft"
          >escrow ${code(a.escrow)} on chain ${a.chainId}, block ${count(a.made.block)}, ${utc(a.made.time)}</span
        >
      </p>
      <nav aria-label="Sections">
        <ul>
          ${sections.map((s) => html`<li>${link(s, s === 'again' ? 'to repeat it' : s)}</li>`)}
        </ul>
      </nav>
      ${bounty(a, headingAt(2), '')}${closing(a.made, a.chainId)}`,
  );
}

/** The page of an escrow: its bounties in a table, then one after the other. */
export function escrowPage(a: EscrowAudit): string {
  const at = (i: number): string => `b${i + 1}-`;
  const amount = amountIn(a.coins);
  const rows = a.bounties.map((b, i) => [
    link(`${at(i)}bounty`, `${i + 1}`),
    badge(b),
    b.status,
    count(b.terms.steps),
    amount(b.terms.reward, b.terms.token),
    count(b.claims.length),
    count(b.gas),
    code(b.bounty),
  ]);
  const columns = [
    column('bounty'),
    column('outcome'),
    column('state'),
    numbers('steps'),
    numbers('reward'),
    numbers('claims'),
    numbers('gas'),
    column('id'),
  ];
  const owed = (a.liabilities ?? []).map((l) => [
    l.token === zeroAddress ? 'ETH' : code(l.token),
    ...[l.held, l.credits, l.balance].map((n) => (n === null ? 'not told' : amount(n, l.token))),
  ]);
  return document(
    `Audit of escrow ${a.escrow}`,
    html`<h1>Audit of an escrow <span class="badge ${a.ok ? 'good' : 'bad'}">${a.ok ? '✓ no findings' : '✗ findings'}</span></h1>
      <p>${code(a.escrow)}<br /><span class="soft">chain ${a.chainId}, block ${count(a.made.block)}, ${utc(a.made.time)}</span></p>
      <p class="lead">
        ${a.bounties.length} bounties, ${count(a.gas)} gas. Bundles of ${a.replayed} were verified again; of the others this page tells what
        the chain tells.
      </p>
      ${a.findings.length === 0 ? null : items('findings', a.findings)}
      ${table('Bounties, oldest first', columns, rows, ['all', '', '', '', '', '', count(a.gas), ''])}
      ${owed.length === 0 ? null : table('What the escrow owes, and has', [column('coin'), numbers('held for bounties'), numbers('credits'), numbers('balance')], owed)}
      ${a.bounties.map(
        (b, i) =>
          html`<section class="bounty">
            <h2 id="${at(i)}bounty">Bounty ${i + 1}: ${b.status} ${badge(b)}</h2>
            <p>${code(b.bounty)}</p>
            ${bounty(b, headingAt(3), at(i))}
          </section>`,
      )}
      ${closing(a.made, a.chainId)}`,
  );
}
