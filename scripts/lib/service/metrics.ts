/** Counters of the service in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */

const BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300];

/** Kinds of retries: bundle not to be had, node not reached, transaction not sent, a failure of this machine. */
export const RETRIES = ['bundle', 'chain', 'send', 'machine'] as const;

export interface Metrics {
  claimsSeen: number;
  valid: number;
  invalid: number;
  /** Claims whose window ended without a verdict of this attester. */
  missed: number;
  pending: number;
  sent: number;
  reorgs: number;
  readonly retries: Record<(typeof RETRIES)[number], number>;
  lastBlock: bigint;
  headBlock: bigint;
  /** Unix time of the last answer of the node, in seconds. */
  lastPoll: number;
  verified(seconds: number): void;
  text(): string;
}

export function createMetrics(): Metrics {
  const counts = new Array<number>(BUCKETS.length).fill(0);
  let verifications = 0;
  let seconds = 0;
  const family = (name: string, type: string, help: string, samples: readonly (readonly [string, number | bigint])[]): string =>
    [`# HELP fineproof_${name} ${help}`, `# TYPE fineproof_${name} ${type}`, ...samples.map(([s, v]) => `fineproof_${name}${s} ${v}`)].join(
      '\n',
    );
  return {
    claimsSeen: 0,
    valid: 0,
    invalid: 0,
    missed: 0,
    pending: 0,
    sent: 0,
    reorgs: 0,
    retries: { bundle: 0, chain: 0, send: 0, machine: 0 },
    lastBlock: 0n,
    headBlock: 0n,
    lastPoll: 0,
    verified(took) {
      verifications++;
      seconds += took;
      BUCKETS.forEach((le, i) => (counts[i] = (counts[i] as number) + (took <= le ? 1 : 0)));
    },
    text() {
      const one = (name: string, type: 'counter' | 'gauge', help: string, value: number | bigint): string =>
        family(name, type, help, [['', value]]);
      return `${[
        one('claims_seen_total', 'counter', 'Claims read from the chain.', this.claimsSeen),
        family('verdicts_total', 'counter', 'Verdicts signed.', [
          ['{valid="true"}', this.valid],
          ['{valid="false"}', this.invalid],
        ]),
        one('verdicts_sent_total', 'counter', 'Transactions with verdicts that were mined.', this.sent),
        one('claims_missed_total', 'counter', 'Claims whose window ended without a verdict of this attester.', this.missed),
        one('claims_pending', 'gauge', 'Claims that are not dealt with yet.', this.pending),
        family(
          'retries_total',
          'counter',
          'What failed and is tried again.',
          RETRIES.map((what) => [`{what="${what}"}`, this.retries[what]]),
        ),
        one('reorgs_total', 'counter', 'Reorganisations that went behind blocks already read.', this.reorgs),
        one('last_block', 'gauge', 'Last block read.', this.lastBlock),
        one('head_block', 'gauge', 'Newest block of the node.', this.headBlock),
        one('last_poll_timestamp_seconds', 'gauge', 'When the node answered last.', this.lastPoll),
        family('verification_seconds', 'histogram', 'Time of a verification.', [
          ...BUCKETS.map((le, i) => [`_bucket{le="${le}"}`, counts[i] as number] as const),
          ['_bucket{le="+Inf"}', verifications],
          ['_sum', seconds],
          ['_count', verifications],
        ]),
        one('resident_memory_bytes', 'gauge', 'Memory of the process.', process.memoryUsage.rss()),
      ].join('\n')}\n`;
    },
  };
}
