/** What trials came to: a line each, and a table of all. */
import { table } from '../../scripts/lib/command.ts';
import type { TrialResult } from './trial.ts';

/** One trial in a line. */
export function summary({ seconds, judged, kills, chainKills, faults, vanished }: TrialResult): string {
  const reverted =
    judged.reverted.length === 0 ? '' : `, ${judged.reverted.length} reverted (${judged.reverted.map((r) => r.call).join(', ')})`;
  return `${faults.length === 0 ? 'ok' : 'FAILED'}: ${judged.outcome}${vanished ? ', contributor gone' : ''}, ${kills.length} + ${chainKills.length} kills, ${judged.transactions} transactions${reverted}, ${seconds.toFixed(0)} s`;
}

const tally = (names: readonly string[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort((a, b) => b[1] - a[1]));
};

/** A message without the numbers and digests that make each one different. */
const kindOf = (message: string): string => message.replace(/0x[0-9a-fA-F]+|\d+/g, '#').slice(0, 160);

export interface Report {
  readonly seed: number;
  readonly runs: number;
  readonly failed: number;
  readonly seconds: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly kills: Readonly<Record<string, number>>;
  readonly killsByTrigger: Readonly<Record<string, number>>;
  readonly killsDuring: Readonly<Record<string, number>>;
  readonly reorganisations: number;
  readonly transactions: number;
  readonly reverted: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly text: string;
  readonly trials: readonly Readonly<Record<string, unknown>>[];
}

export function report(seed: number, results: readonly TrialResult[]): Report {
  const kills = results.flatMap((r) => r.kills);
  const chainKills = results.flatMap((r) => r.chainKills);
  const outcomes = tally(results.map((r) => `${r.plan.rule}, ${r.plan.scenario}: ${r.judged.outcome}`));
  const byProcess = tally([...kills.map((k) => k.party), ...chainKills.map(() => 'chain')]);
  const failed = results.filter((r) => r.faults.length > 0).length;
  return {
    seed,
    runs: results.length,
    failed,
    seconds: Math.round(results.reduce((n, r) => n + r.seconds, 0)),
    outcomes,
    kills: byProcess,
    killsByTrigger: tally([...kills.map((k) => k.trigger), ...chainKills.map((k) => `chain: ${k.trigger.at}`)]),
    killsDuring: tally(kills.flatMap((k) => k.during)),
    reorganisations: chainKills.filter((k) => k.reorg > 0).length,
    transactions: results.reduce((n, r) => n + r.judged.transactions, 0),
    reverted: tally(results.flatMap((r) => r.judged.reverted.map((t) => t.call))),
    errors: tally(results.flatMap((r) => r.errors.map((e) => `${e.command}: ${kindOf(e.message)}`))),
    text: [
      table([['outcome', 'runs'], ...Object.entries(outcomes).sort(([a], [b]) => (a < b ? -1 : 1))]),
      table([['killed', 'times'], ...Object.entries(byProcess)]),
    ].join('\n\n'),
    trials: results.map(({ plan, seconds, judged, vanished, kills: own, chainKills: chain, faults, errors }) => ({
      ...{
        run: plan.run,
        rule: plan.rule,
        scenario: plan.scenario,
        attesters: plan.attesters,
        threshold: plan.threshold,
        keepers: plan.keepers,
        demands: plan.demands,
      },
      ...{ traceKnown: plan.traceKnown, pool: plan.pool, seconds, vanished, outcome: judged.outcome, claims: judged.claims },
      ...{ transactions: judged.transactions, reverted: judged.reverted, kills: own, chainKills: chain, errors, faults },
    })),
  };
}
