/** The demo's report: one HTML file without scripts or outside references, the loss curves as inline SVG. */
import { formatEther } from 'viem';
import { writeAtomic } from '../files.ts';
import type { Balances, DemoResult } from './run.ts';
import { commands } from './summary.ts';

const escape = (text: unknown): string => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const WIDTH = 640;
const HEIGHT = 280;
const LEFT = 60;
const BOTTOM = 40;
const TOP = 16;
const RIGHT = 16;

interface Series {
  readonly name: string;
  readonly color: string;
  readonly dash: string;
  readonly values: readonly number[];
}

/** Lines over the training steps; `per` steps between two values. */
function chart(series: readonly Series[], per: number): string {
  const all = series.flatMap((s) => s.values);
  const [lo, hi] = [Math.min(...all), Math.max(...all)];
  const pad = Math.max((hi - lo) * 0.08, 1e-6);
  const count = Math.max(...series.map((s) => s.values.length)) - 1;
  const x = (i: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * i) / Math.max(count, 1);
  const y = (v: number): number => TOP + ((HEIGHT - TOP - BOTTOM) * (hi + pad - v)) / (hi - lo + 2 * pad);
  const ticks = Array.from({ length: 5 }, (_, i) => lo + ((hi - lo) * i) / 4);
  const every = Math.ceil((count + 1) / 10);
  const grid = ticks.map(
    (v) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(v).toFixed(1)}" y2="${y(v).toFixed(1)}" class="grid"/><text x="${LEFT - 8}" y="${(y(v) + 4).toFixed(1)}" text-anchor="end">${v.toFixed(3)}</text>`,
  );
  const steps = Array.from({ length: count + 1 }, (_, i) => i)
    .filter((i) => i % every === 0)
    .map((i) => `<text x="${x(i).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${i * per}</text>`);
  const lines = series.map(
    (s) =>
      `<polyline fill="none" stroke="${s.color}" stroke-width="2" stroke-dasharray="${s.dash}" points="${s.values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(' ')}"/>${s.values.map((v, i) => `<circle cx="${x(i).toFixed(1)}" cy="${y(v).toFixed(1)}" r="2.5" fill="${s.color}"><title>${escape(s.name)}, step ${i * per}: ${v.toFixed(5)}</title></circle>`).join('')}`,
  );
  const legend = series.map(
    (s, i) =>
      `<line x1="${WIDTH - 190}" x2="${WIDTH - 160}" y1="${TOP + 10 + 18 * i}" y2="${TOP + 10 + 18 * i}" stroke="${s.color}" stroke-width="2" stroke-dasharray="${s.dash}"/><text x="${WIDTH - 152}" y="${TOP + 14 + 18 * i}">${escape(s.name)}</text>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Held-out loss over training steps">${grid.join('')}${steps.join('')}${lines.join('')}${legend.join('')}<text x="${(LEFT + WIDTH) / 2}" y="${HEIGHT - 4}" text-anchor="middle">training step</text></svg>`;
}

const htmlTable = (head: readonly string[], rows: readonly (readonly unknown[])[]): string =>
  `<table><thead><tr>${head.map((h) => `<th>${escape(h)}</th>`).join('')}</tr></thead><tbody>${rows.map((r) => `<tr>${r.map((c) => `<td${typeof c === 'number' ? ' class="n"' : ''}>${escape(typeof c === 'number' ? c.toLocaleString('en-US') : c)}</td>`).join('')}</tr>`).join('')}</tbody></table>`;

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}
td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}code{font-size:.85em;overflow-wrap:anywhere}svg{width:100%;height:auto;font:11px system-ui,sans-serif;fill:#57606a}.grid{stroke:#e3e6ea}
.paid{color:#116329;font-weight:600}.not{color:#a40e26;font-weight:600}`;

/** Writes the report. */
export function writeReport(path: string, d: DemoResult): void {
  const { integer, float } = d.losses;
  const proofs = d.steps / d.stepsPerProof;
  const fall = (integer[0] as number) - (integer.at(-1) as number);
  const floatFall = (float[0] as number) - (float.at(-1) as number);
  const seconds = (s: number): string => `${s.toFixed(1)} s`;
  const how = commands(d);
  const change = (k: keyof Balances): string => `${formatEther(d.before[k])} → ${formatEther(d.after[k])}`;
  writeAtomic(
    path,
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Fineproof: a proven fine-tune</title><style>${STYLE}</style></head><body>
<h1>A proven fine-tune, ${d.paid ? '<span class="paid">paid</span>' : '<span class="not">not paid</span>'}</h1>
<p>${d.steps} AdamW steps of ${d.tokens} tokens, LoRA with ${d.adapterParameters.toLocaleString('en-US')} parameters on a model of ${d.parameters.toLocaleString('en-US')}; every forward pass, backward pass and update is proven in zero knowledge (${proofs} proofs, the adapter stays hidden). The verifier service checked the proofs and attested; the escrow paid; the auditor ${d.audit.ok ? 'verified everything again and agrees' : 'does not agree'}.</p>
<h2>Loss on a held-out batch</h2>
${chart(
  [
    { name: 'integer (proven)', color: '#0969da', dash: '', values: integer },
    { name: 'float64', color: '#bc4c00', dash: '5 4', values: float },
  ],
  d.stepsPerProof,
)}
<p>The proven integer training lowers the loss by ${fall.toFixed(4)} nats, the same training in float64 by ${floatFall.toFixed(4)}.</p>
<h2>Cost</h2>
${htmlTable(
  ['what', 'measured'],
  [
    ['training in integers', seconds(d.run.trainSeconds)],
    ['proving', `${seconds(d.run.proveSeconds)} (${seconds(d.run.proveSeconds / d.steps)} a step)`],
    ['verifying', seconds(d.verifySeconds)],
    ['proof', `${d.run.bytes.toLocaleString('en-US')} bytes`],
    ['the whole demo', seconds(d.seconds)],
  ],
)}
<h2>Transactions</h2>
${htmlTable(
  ['action', 'gas', 'hash'],
  d.transactions.map((t) => [t.action, Number(t.gas), t.hash]),
)}
<h2>Balances in ether</h2>
${htmlTable(
  ['account', 'before → after'],
  (['poster', 'contributor', 'attester', 'escrow'] as const).map((k) => [k, change(k)]),
)}
<h2>Look again</h2>
<p><code>${escape(how.verify)}</code><br><code>${escape(how.audit)}</code></p>
${htmlTable(
  ['identity', 'value'],
  [
    ['bounty', d.bounty],
    ['claim', d.claim],
    ['bundle root', d.run.claim.bundleRoot],
    ['adapter root', d.run.claim.adapterRoot],
  ],
)}
</body></html>
`,
  );
}
