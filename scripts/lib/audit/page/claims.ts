/** Verdicts and replays, claim by claim. */
import { short } from '../../coins.ts';
import type { Audit, AuditedClaim, Check } from '../types.ts';
import { again, count, judgement, taken, utc, verdict, type Names } from '../words.ts';
import { code, column, html, link, list, numbers, strange, table, type Html } from './html.ts';

/** A heading of the page; bounties of an escrow's page lie one level deeper. */
export type Heading = (depth: number, text: string, id?: string) => Html;

const ZERO_WORD = /^0x0*$/;
const MARK = { passed: ['good', '✓ passed'], failed: ['bad', '✗ failed'], 'not reached': ['soft', '– not reached'] } as const;

const mark = (outcome: Check['outcome']): Html => html`<span class="${MARK[outcome][0]}">${MARK[outcome][1]}</span>`;

const judgedAs = (valid: boolean | null): Html =>
  html`<span class="${valid === null ? 'open' : valid ? 'good' : 'bad'}"
    >${valid === null ? '' : valid ? '✓ ' : '✗ '}${again(valid)}</span
  >`;

const traceIs = ({ trace, body, valid }: AuditedClaim): string =>
  trace !== null
    ? trace
      ? 'the claimed root is that of the recorded verifier’s trace'
      : 'the claimed root is another than that of the recorded verifier’s trace'
    : ZERO_WORD.test(body.traceRoot)
      ? 'none was claimed'
      : valid === false
        ? 'not compared: the bundle is not valid'
        : 'not compared';

/** All claims side by side. */
export function verdicts(a: Audit, names: Names, prefix: string): Html {
  if (a.claims.length === 0) return html`<p>Nobody has claimed the bounty.</p> `;
  const rows = a.claims.map((c) => [
    link(`${prefix}${c.claim}`, names.claim(c.claim)),
    names.party(c.claimant),
    c.status,
    verdict(c.attested),
    judgedAs(c.valid),
    c.rejected ?? '',
  ]);
  return table(
    'Claims, in the order in which they were made',
    ['claim', 'claimant', 'state', 'attesters', 'verified again', 'why rejected'].map(column),
    rows,
  );
}

function doubts({ demands, challenge }: AuditedClaim, names: Names): Html {
  const asked = demands.map((d) => [
    d.node,
    names.party(d.demander),
    d.status,
    html`<time>${utc(d.answerBy)}</time>`,
    names.transaction(d.demanded),
    d.ended === null ? '' : names.transaction(d.ended),
  ]);
  return html`${
    challenge === null
      ? null
      : list([
          ['challenge', html`by ${names.party(challenge.challenger)}, in ${names.transaction(challenge.transaction)}`],
          ['position', html`${count(challenge.position)}${challenge.where === null ? null : `: ${challenge.where}`}`],
          ['fault', challenge.fault],
          ['committed to in', challenge.commitment === null ? null : names.transaction(challenge.commitment)],
        ])
  }${asked.length === 0 ? null : table('Demands for data', ['node', 'asked by', 'state', 'due by', 'asked in', 'ended in'].map(column), asked)}`;
}

function checks({ checks: all, seconds }: AuditedClaim): Html {
  if (all.length === 0) return html``;
  const rows = all.map((c) => [
    c.name,
    mark(c.outcome),
    c.outcome === 'not reached' ? '' : taken(c.seconds),
    c.detail === '' ? '' : strange(c.detail),
  ]);
  const head = [column('check'), column('outcome'), numbers('time'), column('detail')];
  return table('The verification, repeated for this audit', head, rows, ['all', '', taken(seconds), '']);
}

/** One claim in full. */
function claim(c: AuditedClaim, names: Names, heading: Heading, prefix: string): Html {
  const { body } = c;
  const root = (name: string, value: string): readonly [string, Html | null] => [name, ZERO_WORD.test(value) ? null : code(value)];
  return html`<section class="claim">
    ${heading(1, `${names.claim(c.claim)}: ${c.status}`, `${prefix}${c.claim}`)}
    ${list([
      ['claim', code(c.claim)],
      ['claimant', names.party(c.claimant)],
      ['attesters', html`${verdict(c.attested)}${c.signers.length === 0 ? null : `, signed by ${c.signers.map(names.party).join(', ')}`}`],
      ['verified again', html`${judgedAs(c.valid)}: ${strange(c.reason)}`],
      ['trace', traceIs(c)],
      ['why rejected', c.rejected],
      ['bundle', html`${code(body.bundleRoot)}${c.bytes === 0 ? null : `, ${count(c.bytes)} bytes`}`],
      root('trace root', body.traceRoot),
      root('last proof', body.lastProof),
      root('adapter root', body.adapterRoot),
      root('encrypted rows', body.cipherRoot),
      root('key hash', body.keyHash),
      ['announced values', body.announced.length === 0 ? null : body.announced.map(String).join(', ')],
      ['nonce', code(body.nonce)],
      [
        'URIs',
        body.uris.length === 0
          ? null
          : html`<ul>
              ${body.uris.map((u) => html`<li>${strange(u)}</li>`)}
            </ul>`,
      ],
    ])}${doubts(c, names)}${checks(c)}
  </section> `;
}

/** The replay: what a check means, then every claim. */
export function replays(a: Audit, names: Names, heading: Heading, prefix: string): Html {
  const { package: p } = a;
  const means =
    p === null
      ? html`<p>The package was not given, so no bundle was verified. What follows is what the chain tells.</p>`
      : html`<p>
          Each bundle was fetched by its root and verified with the engine ${p.engine}. A proof passes if its own rounds hold; what it opens
          is carried to the next one, and the <em>decider</em> checks all openings of all proofs in one equation. So a claim is valid only
          if every line has passed. The <em>trace</em> is that of the recorded verifier, which a claim under an optimistic rule commits to.
        </p>`;
  return html`${means} ${a.claims.map((c) => claim(c, names, heading, prefix))}`;
}

/** A claim in one sentence, for summaries. */
export const sentence = (c: AuditedClaim, names: Names): string => `${names.claim(c.claim)} (${short(c.claim)}) is ${judgement(c)}`;
