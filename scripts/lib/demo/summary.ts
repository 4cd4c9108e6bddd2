/** What the demo says: one JSON object, and a table. */
import { join } from 'node:path';
import { formatEther } from 'viem';
import { table } from '../command.ts';
import type { Balances, DemoResult } from './run.ts';

const rounded = (n: number, digits: number): number => Number(n.toFixed(digits));

/** How to look at the demo again: the chain is replayed from its record, or still there. */
export const commands = (d: DemoResult): { readonly verify: string; readonly audit: string } => ({
  verify: `npx fineproof verify ${join(d.folder, 'bundle.bin')}`,
  audit: `npx fineproof audit ${join(d.folder, 'bounty')} --store ${join(d.folder, 'store')} --rpc ${d.keptPid === null ? join(d.folder, 'chain.json') : d.rpc}`,
});

/** The audit's page. */
export const auditFile = (d: DemoResult): string => join(d.folder, 'audit.html');

const ether = (b: Balances): Record<keyof Balances, string> => ({
  poster: formatEther(b.poster),
  contributor: formatEther(b.contributor),
  attester: formatEther(b.attester),
  escrow: formatEther(b.escrow),
});

/** The demo as one JSON object. Seconds, bytes, gas, nats, ether. */
export function summaryJson(d: DemoResult, report: string): Record<string, unknown> {
  const gas = Object.fromEntries(d.transactions.map((t) => [t.action, Number(t.gas)]));
  return {
    paid: d.paid,
    steps: d.steps,
    stepsPerProof: d.stepsPerProof,
    tokensPerStep: d.tokens,
    parameters: d.parameters,
    adapterParameters: d.adapterParameters,
    lossFirst: d.losses.integer[0],
    lossLast: d.losses.integer.at(-1),
    floatLossLast: d.losses.float.at(-1),
    losses: { integer: d.losses.integer, float: d.losses.float },
    installSeconds: Number(process.env['FINEPROOF_INSTALL_SECONDS'] ?? 0),
    trainSeconds: rounded(d.run.trainSeconds, 2),
    proveSeconds: rounded(d.run.proveSeconds, 2),
    verifySeconds: rounded(d.verifySeconds, 2),
    totalSeconds: rounded(d.seconds, 2),
    proofBytes: d.run.bytes,
    gas: { ...gas, total: d.transactions.reduce((n, t) => n + Number(t.gas), 0) },
    transactions: d.transactions.map((t) => ({ ...t, gas: Number(t.gas) })),
    balances: { before: ether(d.before), after: ether(d.after) },
    bounty: d.bounty,
    claim: d.claim,
    auditAgrees: d.audit.ok,
    folder: d.folder,
    bundle: join(d.folder, 'bundle.bin'),
    package: join(d.folder, 'bounty'),
    store: join(d.folder, 'store'),
    chain: join(d.folder, 'chain.json'),
    rpc: d.keptPid === null ? null : d.rpc,
    nodePid: d.keptPid,
    report,
    auditPage: auditFile(d),
    commands: commands(d),
  };
}

/** The demo for people. */
export function summaryText(d: DemoResult, report: string): string {
  const install = Number(process.env['FINEPROOF_INSTALL_SECONDS'] ?? 0);
  const { integer, float } = d.losses;
  const step = (i: number): string => (i === 0 ? 'before' : `step ${i * d.stepsPerProof}`);
  const change = (key: keyof Balances): string => {
    const wei = d.after[key] - d.before[key];
    return `${wei < 0n ? '' : '+'}${Number(formatEther(wei)).toFixed(4)}`;
  };
  const how = commands(d);
  return [
    table([
      ['held-out loss, nats', 'integer', 'float64'],
      ...integer.map((loss, i) => [step(i), loss.toFixed(4), (float[i] as number).toFixed(4)]),
    ]),
    '',
    table([
      ['training', `${d.steps} steps of ${d.tokens} tokens, ${d.adapterParameters} adapter parameters on a model of ${d.parameters}`],
      ['train', `${d.run.trainSeconds.toFixed(1)} s`],
      ['prove', `${d.run.proveSeconds.toFixed(1)} s (${(d.run.proveSeconds / d.steps).toFixed(1)} s a step)`],
      ['verify', `${d.verifySeconds.toFixed(1)} s`],
      ['proof', `${d.run.bytes} bytes`],
      ...(install > 0 ? [['install', `${install.toFixed(1)} s`]] : []),
      ['all', `${d.seconds.toFixed(1)} s`],
    ]),
    '',
    table([['transaction', 'gas'], ...d.transactions.map((t) => [t.action, Number(t.gas)])]),
    '',
    table([['ether (gas included)', 'change'], ...(['poster', 'contributor', 'attester', 'escrow'] as const).map((k) => [k, change(k)])]),
    '',
    d.paid ? `PAID: bounty ${d.bounty}` : `NOT PAID: bounty ${d.bounty}`,
    d.audit.ok
      ? 'The auditor verified the bundle again from the chain and the published files: all agrees.'
      : `The auditor found: ${d.audit.findings.join('; ')}`,
    '',
    `report   ${report}, and the audit’s page: ${auditFile(d)}`,
    `verify   ${how.verify}`,
    `audit    ${how.audit}`,
    ...(d.keptPid === null ? [] : [`the chain is still running at ${d.rpc}; end it with: kill ${d.keptPid}`]),
  ].join('\n');
}
