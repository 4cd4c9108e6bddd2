/** What a trial does: which rule and scenario, and when which process is killed. All of it follows from the seed and the trial's number. */
import { seeded, type Random } from './random.ts';

export const RULES = ['attested', 'optimistic', 'both'] as const;
export const SCENARIOS = ['honest', 'false claim', 'vanishes before the claim', 'vanishes after the claim', 'unpublished'] as const;
export type Rule = (typeof RULES)[number];
export type Scenario = (typeof SCENARIOS)[number];

/** The parties whose processes are killed. Besides them a liar may come; nobody kills him. */
export const PARTIES = ['poster', 'contributor', 'verifier', 'second verifier', 'watchtower'] as const;
export type PartyName = (typeof PARTIES)[number];

/** When a process of a party is killed. */
export type Trigger =
  /** So long after its start. */
  | { readonly at: 'time'; readonly ms: number }
  /** With a transaction signed that no node has seen. */
  | { readonly at: 'signed' }
  /** When the node has taken the transaction, whose sender never hears of it. */
  | { readonly at: 'sent' }
  /** When the sender knows that it is sent. */
  | { readonly at: 'told'; readonly ms: number }
  /** While a file whose name has this part is written. */
  | { readonly at: 'file'; readonly part: string };

/** When the chain is killed: at a time, with a transaction it has not seen, one that it has taken without saying so, or while it writes its journal. */
export type ChainTrigger = Extract<Trigger, { at: 'time' | 'signed' | 'sent' }> | { readonly at: 'journal' };

export interface Kill<T> {
  readonly trigger: T;
  /** Milliseconds until the next start. */
  readonly down: number;
}
/** How many blocks the restarted chain has forgotten. */
export type ChainKill = Kill<ChainTrigger> & { readonly reorg: number };

export interface Plan {
  readonly run: number;
  readonly rule: Rule;
  readonly scenario: Scenario;
  readonly attesters: 1 | 2;
  readonly threshold: 1 | 2;
  /** Whether poster and contributor leave their duties to `fineproof keep`; else they make each call themselves. */
  readonly keepers: boolean;
  /** Whether the watchtower pays for demands. */
  readonly demands: boolean;
  /** Whether a liar's trace root is the honest one, which anybody can refute, or one whose trace nobody has. */
  readonly traceKnown: boolean;
  /** Whether transactions that were not mined are there after the chain's restart. */
  readonly pool: 'kept' | 'lost';
  readonly kills: Readonly<Record<PartyName, readonly Kill<Trigger>[]>>;
  readonly chainKills: readonly ChainKill[];
}

/** Names of files that a party writes, by which it can be killed while it does. */
const FILES: Readonly<Record<PartyName, readonly string[]>> = {
  poster: ['program.bin', 'start.bin', 'model.card.json', 'bounty.json', 'poster-0x'],
  contributor: [
    'state-000001',
    'state-000002',
    'final-blinds',
    'proof-000001',
    'after-000001',
    'proof-000002',
    'decider',
    'bundle.bin',
    'claim.json',
    'contributor-0x',
  ],
  verifier: ['decision.json', '.json', 'cursor.json', '.lock'],
  'second verifier': ['decision.json', '.json', 'cursor.json', '.lock'],
  watchtower: ['.json'],
};

/** Longest time until a kill by the clock: about what a party's commands take. */
const WORK: Readonly<Record<PartyName, number>> = {
  poster: 4000,
  contributor: 8000,
  verifier: 6000,
  'second verifier': 6000,
  watchtower: 6000,
};

const down = (random: Random): number => random.whole(0, 1500);

function trigger(random: Random, party: PartyName): Trigger {
  switch (random.pick(['time', 'time', 'file', 'file', 'signed', 'sent', 'told'] as const)) {
    case 'time':
      return { at: 'time', ms: random.whole(50, WORK[party]) };
    case 'file':
      return { at: 'file', part: random.pick(FILES[party]) };
    case 'signed':
      return { at: 'signed' };
    case 'sent':
      return { at: 'sent' };
    case 'told':
      return { at: 'told', ms: random.whole(0, 1200) };
  }
}

/** A kill that comes before a claim is sent, whatever else happens. */
const early = (random: Random): Trigger =>
  random.pick([
    { at: 'file', part: random.pick(FILES.contributor.filter((part) => part !== 'contributor-0x')) },
    { at: 'time', ms: random.whole(50, 3000) },
  ] as const);

function chainTrigger(random: Random): ChainTrigger {
  const at = random.pick(['time', 'time', 'signed', 'sent', 'journal'] as const);
  return at === 'time' ? { at, ms: random.whole(500, 8000) } : { at };
}

/** Blocks behind the head that are final. */
export const FINALITY = 4;

/** The trials of a seed: every rule meets every scenario once in each round of fifteen. */
export function planOf(seed: number, run: number): Plan {
  const all = RULES.flatMap((rule) => SCENARIOS.map((scenario) => ({ rule, scenario })));
  const deck = seeded(seed + 7919 * Math.floor(run / all.length)).shuffled(all);
  const { rule, scenario } = deck[run % all.length] as (typeof all)[number];
  const random = seeded(seed * 65_537 + run);
  const attesters = rule === 'optimistic' ? 1 : random.pick([1, 2] as const);
  const threshold = attesters === 2 ? random.pick([1, 2] as const) : 1;
  const killsOf = (party: PartyName, lo: number, hi: number): Kill<Trigger>[] =>
    Array.from({ length: random.whole(lo, hi) }, () => ({ trigger: trigger(random, party), down: down(random) }));
  const gone = scenario === 'vanishes before the claim';
  const last: Trigger = random.chance(0.25) ? { at: 'signed' } : early(random);
  const kills = {
    poster: killsOf('poster', 1, 3),
    // Who vanishes before the claim does so at the last of these.
    contributor: gone
      ? [...(random.chance(0.5) ? [early(random)] : []), last].map((trigger) => ({ trigger, down: down(random) }))
      : killsOf('contributor', 2, 4),
    verifier: killsOf('verifier', 1, 3),
    'second verifier': killsOf('second verifier', 1, 3),
    watchtower: killsOf('watchtower', 1, 3),
  };
  const chainKills = Array.from({ length: random.whole(1, 3) }, () => ({
    trigger: chainTrigger(random),
    down: down(random),
    reorg: random.chance(0.5) ? random.whole(1, FINALITY - 1) : 0,
  }));
  const traceKnown = random.chance(0.5);
  return {
    run,
    rule,
    scenario,
    attesters,
    threshold,
    keepers: random.chance(0.7),
    // A trace that nobody has takes a demand to be refuted.
    demands: scenario === 'false claim' ? !traceKnown : random.chance(0.5),
    traceKnown,
    pool: random.pick(['kept', 'lost'] as const),
    kills,
    chainKills,
  };
}
