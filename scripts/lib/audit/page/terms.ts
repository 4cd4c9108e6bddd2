/** Who took part, and what they agreed on: parties, terms, recipe, cards. */
import { zeroAddress } from 'viem';
import { KIND, RULE } from '../../../../verifier/statement.ts';
import type { Audit, AuditedCard } from '../types.ts';
import { count, duration, utc, type Names } from '../words.ts';
import { code, column, html, list, numbers, strange, table, type Html } from './html.ts';

const ZERO_WORD = /^0x0*$/;

/** Parties with their addresses; everywhere else they go by name. */
export function who({ parties }: Audit, names: Names): Html {
  const rows = parties.map((p) => [
    p.name,
    html`${p.roles.join(', ')}${p.signed.length === 0 ? null : html`; signed the verdict on ${p.signed.map(names.claim).join(', ')}`}`,
    code(p.address),
    p.transactions,
  ]);
  return table('Parties. Names are this page’s.', [column('name'), column('part'), column('address'), numbers('transactions')], rows);
}

const nameOf = (of: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(of).find(([, v]) => v === value)?.[0] ?? String(value);

/** What the rule means, for whoever has not read the contract. */
const RULE_MEANS = [
  'attesters’ verdict releases the reward',
  'an undisturbed window releases the reward',
  'a verdict or an undisturbed window releases the reward',
];

/** The terms, as the event `Posted` has them. */
export function terms({ terms: t, coins, continues, continuedBy }: Audit, names: Names): Html {
  const coin = coins.find((c) => c.token === t.token);
  const unless = (empty: boolean, value: Html | string): Html | string | null => (empty ? null : value);
  const money = (wei: bigint): string | null => (BigInt(wei) === 0n ? null : names.amount(wei, zeroAddress));
  return list([
    ['poster', code(t.poster)],
    ['pays for', nameOf(KIND, t.kind)],
    ['rule', `${nameOf(RULE, t.rule)}: ${RULE_MEANS[t.rule] ?? 'unknown'}`],
    ['reward', html`${names.amount(t.reward, t.token)}`],
    [
      'token of the reward',
      unless(
        t.token === zeroAddress,
        html`${code(t.token)}; it says of itself: ${coin?.symbol || 'no symbol'}, ${coin?.decimals ?? 'no'} decimals`,
      ),
    ],
    ['bond of a claim', money(t.bond)],
    ['fee of an attester', money(t.attesterFee)],
    ['fee of a demand', money(t.demandFee)],
    ['disclosure bond', money(t.disclosureBond)],
    ['attesters', unless(t.signers.length === 0, `${t.threshold} of ${t.signers.length}: ${t.signers.map(names.party).join(', ')}`)],
    ['steps', `${count(t.steps)}, ${t.stepsPerProof} in a proof`],
    ['claims until', html`${utc(t.claimBy)}`],
    ['window', duration(t.window)],
    ['to answer, to react', unless(BigInt(t.answer) === 0n, `${duration(t.answer)}, ${duration(t.react)}`)],
    ['reservation holds', unless(BigInt(t.reserveFor) === 0n, duration(t.reserveFor))],
    ['entries until, disclosure until', unless(BigInt(t.enterBy) === 0n, `${utc(t.enterBy)}, ${utc(t.discloseBy)}`)],
    ['to reveal, to complain', unless(BigInt(t.revealFor) === 0n, `${duration(t.revealFor)}, ${duration(t.complainFor)}`)],
    ['largest bundle', `${count(t.maxBundle)} bytes`],
    ['full state', t.fullState ? 'asked for: the claim’s root covers the optimizer’s moments' : 'not asked for'],
    ['model card', code(t.modelDigest)],
    ['data card', code(t.dataDigest)],
    ['recipe', code(t.recipeHash)],
    ['first state', code(t.startDigest)],
    ['verifier key', unless(ZERO_WORD.test(t.verifierKey), code(t.verifierKey))],
    ['inputs commitment', unless(ZERO_WORD.test(t.inputsCommitment), code(t.inputsCommitment))],
    [
      'announced values',
      unless(
        t.announces.length === 0,
        html`<ul>
          ${t.announces.map((name) => html`<li>${code(name)}</li>`)}
        </ul>`,
      ),
    ],
    [
      'delivery key',
      unless(BigInt(t.deliveryKey.x) === 0n && BigInt(t.deliveryKey.y) === 0n, code(`${t.deliveryKey.x}, ${t.deliveryKey.y}`)),
    ],
    ['depth of delivered rows', unless(t.deliveryDepth === 0, String(t.deliveryDepth))],
    ['salt', code(t.salt)],
    ['continues', continues === null ? null : code(continues)],
    ['continued by', unless(continuedBy.length === 0, html`${continuedBy.map((id) => html`${code(id)} `)}`)],
  ]);
}

const card = (c: AuditedCard): Html =>
  html`${strange(c.name)}, ${c.hidden ? 'hidden (a commitment)' : 'public'}: ${count(c.values)} values in ${c.tensors} tensors`;

/** Recipe, cards and sizes, from the package, whose files were compared with the digests of the terms. */
export function published({ package: p }: Audit): Html {
  if (p === null) return html`<p>The package was not given, so nothing is known of model, data and recipe but their digests above.</p> `;
  const { model: m, lora, optimizer: o, rate, batch, sequence } = p.training;
  const adam = o.kind === 'adamw' ? `β ${o.beta1}, ${o.beta2}; ε ${o.eps}; weight decay ${o.weightDecay}` : `momentum ${o.momentum}`;
  return list([
    ['program', html`${code(p.program)}<br />${strange(p.recipe)}`],
    ['model', card(p.model)],
    ['shape', `${m.family}: ${m.layers} layers of width ${m.width}, ${m.heads} heads of ${m.headWidth}, vocabulary ${count(m.vocab)}`],
    ['data', html`${card(p.data)}; tokenizer ${strange(p.data.tokenizer)}`],
    ['batches', `${batch} sequences of ${sequence} tokens a step`],
    ['adapter', html`LoRA of rank ${lora.rank}, α ${lora.alpha}, on ${lora.targets.join(', ')} from layer ${lora.firstLayer} on`],
    ['optimizer', `${o.kind}: ${adam}`],
    ['learning rate', `${rate.learningRate}, ${rate.warmupSteps} steps of warm-up, then ${rate.decay}`],
    ['proofs', `${p.proofs}, in a bundle of ${count(p.bundleBytes)} bytes`],
    [
      'stores',
      html`<ul>
        ${p.stores.map((s) => html`<li>${strange(s)}</li>`)}
        <li>then the URIs of each claim, unless left out</li>
      </ul>`,
    ],
  ]);
}
