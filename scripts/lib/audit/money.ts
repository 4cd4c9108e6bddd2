/**
 * Money by the rules: what each event has to move under the bounty's terms, worked out here and not read off the credits, which are then compared
 * with it. So an escrow that pays another amount, or somebody else, is found out from its events alone.
 */
import { isAddressEqual, zeroAddress, type Address } from 'viem';
import type { Hex } from '../../../verifier/input.ts';
import { KIND, type Terms } from '../../../verifier/statement.ts';
import type { AuditEvent, AuditedTransaction, Balance, Flow, Purpose } from './types.ts';

/** `IBountyEscrow.Reason`, in its order. */
export const REASONS = [
  'attesters found it invalid',
  'no verdict in time',
  'refuted by a challenge',
  'a demand was not answered in time',
  'the key was not revealed in time',
  'a delivered row was wrong',
] as const;

type Move = Omit<Flow, 'claim' | 'transaction' | 'time'>;
interface Money {
  readonly flows: readonly Flow[];
  readonly findings: readonly string[];
}

/** Follows a bounty's events, and says of each what it moves. */
class Rules {
  private readonly terms: Terms;
  /** Claimants by claim, and the signers of valid verdicts. */
  private readonly claimants = new Map<Hex, Address>();
  private readonly signers = new Map<Hex, readonly Address[]>();
  private readonly entrants = new Set<Address>();
  /** Entrants whose bond still is their entry's. */
  private readonly entryBonds = new Set<Address>();
  private reservation: { readonly holder: Address; readonly until: number } | null = null;
  private disclosed = false;
  private refunded = false;
  private previous: AuditEvent | null = null;

  constructor(terms: Terms) {
    this.terms = terms;
  }

  moves(e: AuditEvent): Move[] {
    const moves = this.of(e).filter((m) => m.amount > 0n);
    this.previous = e;
    return moves;
  }

  private of(e: AuditEvent): Move[] {
    const t = this.terms;
    const native = (direction: Flow['direction'], account: Address, purpose: Purpose, amount: bigint, why: string): Move[] => [
      { direction, account, purpose, amount, why, token: zeroAddress },
    ];
    const fees = t.attesterFee * BigInt(t.threshold);
    const field = <T>(name: string): T => e.fields[name] as T;
    const claimant = (): Address => this.claimants.get(e.claim as Hex) as Address;
    switch (e.name) {
      case 'Posted':
        return [
          { direction: 'in', account: t.poster, purpose: 'reward', amount: t.reward, why: 'posted', token: t.token },
          ...native('in', t.poster, 'attester fee', fees, `posted, for ${t.threshold} attesters`),
          ...native('in', t.poster, 'disclosure bond', t.disclosureBond, 'posted'),
        ];
      case 'Reserved':
        this.reservation = { holder: field('holder'), until: Number(field('until')) };
        return native('in', field('holder'), 'bond', t.bond, 'reservation');
      case 'ReservationForfeited':
        this.reservation = null;
        return native('out', t.poster, 'bond', t.bond, 'of a reservation that nobody used');
      case 'Entered':
        this.entrants.add(field('entrant'));
        this.entryBonds.add(field('entrant'));
        return native('in', field('entrant'), 'bond', t.bond, 'entry');
      case 'Disclosed':
        this.disclosed = true;
        return native('out', t.poster, 'disclosure bond', t.disclosureBond, 'inputs disclosed');
      case 'EntryReleased': {
        const shared = this.refunded && !this.disclosed;
        this.entryBonds.delete(field('entrant'));
        return [
          ...native('out', field('entrant'), 'bond', t.bond, 'of an entry without a claim'),
          ...(shared
            ? native('out', field('entrant'), 'disclosure bond', t.disclosureBond / BigInt(this.entrants.size), 'share: not disclosed')
            : []),
        ];
      }
      case 'Claimed': {
        const who = field<Address>('claimant');
        this.claimants.set(e.claim as Hex, who);
        const held = this.reservation !== null && isAddressEqual(this.reservation.holder, who) && e.time < this.reservation.until;
        if (held) this.reservation = null;
        if (held || this.entryBonds.delete(who)) return [];
        return native('in', who, 'bond', t.bond, 'claim');
      }
      case 'Attested':
        if (field('valid'))
          this.signers.set(
            e.claim as Hex,
            t.signers.filter((_, i) => (field<number>('attesters') >> i) & 1),
          );
        return [];
      case 'Demanded':
        return native('in', field('demander'), 'demand fee', t.demandFee, 'demand');
      case 'Answered':
        return native('out', claimant(), 'demand fee', t.demandFee, 'demand answered');
      case 'Defaulted':
        return native('out', field('demander'), 'demand fee', t.demandFee, 'demand not answered');
      case 'Reclaimed':
        return native('out', field('demander'), 'demand fee', t.demandFee, 'claim ended before the answer');
      case 'Rejected': {
        const reason = field<number>('reason');
        const why = REASONS[reason] ?? `reason ${reason}`;
        // Back to the claimant; halved between who showed the fault and the poster; or the poster's.
        if (reason <= 1) return native('out', claimant(), 'bond', t.bond, `rejected: ${why}`);
        const by = this.previous?.fields[reason === 2 ? 'challenger' : 'demander'] as Address | undefined;
        const half = reason <= 3 && by !== undefined ? t.bond / 2n : 0n;
        return [
          ...(by === undefined ? [] : native('out', by, 'bond', half, `half of it: ${why}`)),
          ...native('out', t.poster, 'bond', t.bond - half, `${half === 0n ? 'all of it' : 'half of it'}: ${why}`),
        ];
      }
      case 'Paid': {
        const signers = this.signers.get(e.claim as Hex) ?? [];
        return [
          { direction: 'out', account: claimant(), purpose: 'reward', amount: t.reward, why: 'paid', token: t.token },
          ...native('out', claimant(), 'bond', t.bond, 'back with the reward'),
          ...(signers.length === 0 ? native('out', t.poster, 'attester fee', fees, 'paid without a verdict') : []),
        ];
      }
      case 'Collected':
        return (this.signers.get(e.claim as Hex) ?? []).flatMap((s) =>
          native('out', s, 'attester fee', t.attesterFee, 'signed the verdict that led to the payment'),
        );
      case 'Refunded': {
        this.refunded = true;
        const hidden = t.kind !== KIND.training && !this.disclosed;
        const entrants = BigInt(this.entrants.size);
        const rest = entrants === 0n ? t.disclosureBond : t.disclosureBond % entrants;
        return [
          { direction: 'out', account: t.poster, purpose: 'reward', amount: t.reward, why: 'refunded', token: t.token },
          ...native('out', t.poster, 'attester fee', fees, 'refunded'),
          ...(hidden ? native('out', t.poster, 'disclosure bond', rest, 'what the entrants’ shares leave') : []),
        ];
      }
      case 'Released':
        return native('out', claimant(), 'bond', t.bond, 'another claim was paid');
      default:
        return [];
    }
  }
}

/** Sums by coin and account, as comparable text. */
function sums(of: readonly { readonly account: Address; readonly token: Address; readonly amount: bigint }[]): Map<string, bigint> {
  const sum = new Map<string, bigint>();
  for (const { account, token, amount } of of) {
    const key = `${account} ${token}`;
    sum.set(key, (sum.get(key) ?? 0n) + amount);
  }
  return sum;
}

/** The flows of a bounty, and where the chain says otherwise. */
export function moneyOf(terms: Terms, events: readonly AuditEvent[], transactions: readonly AuditedTransaction[]): Money {
  const rules = new Rules(terms);
  const findings: string[] = [];
  const flows = events.flatMap((e): Flow[] => {
    const { claim, transaction, time } = e;
    const moves = rules.moves(e).map((m): Flow => ({ ...m, claim, transaction, time }));
    const [due, paid] = [sums(moves.filter((m) => m.direction === 'out')), sums(e.credits)];
    for (const key of new Set([...due.keys(), ...paid.keys()])) {
      const [a, b] = [due.get(key) ?? 0n, paid.get(key) ?? 0n];
      const [account, token] = key.split(' ') as [Address, Address];
      if (a !== b) findings.push(`${e.name} in ${transaction}: the terms give ${account} ${a} of coin ${token}, the escrow credited ${b}`);
    }
    return moves;
  });
  for (const t of transactions.filter((of) => of.direct)) {
    const due = flows
      .filter((f) => f.transaction === t.hash && f.direction === 'in' && f.token === zeroAddress)
      .reduce((n, f) => n + f.amount, 0n);
    if (due !== t.value) findings.push(`transaction ${t.hash} paid ${t.value} wei in, the terms ask for ${due}`);
  }
  return { flows, findings };
}

/** Sums of flows by coin and purpose. */
export function balancesOf(flows: readonly Flow[]): Balance[] {
  const balances = new Map<string, Balance>();
  for (const { token, purpose, direction, amount } of flows) {
    const key = `${token} ${purpose}`;
    const b = balances.get(key) ?? { token, purpose, paidIn: 0n, credited: 0n, held: 0n };
    const [paidIn, credited] = direction === 'in' ? [b.paidIn + amount, b.credited] : [b.paidIn, b.credited + amount];
    balances.set(key, { ...b, paidIn, credited, held: paidIn - credited });
  }
  return [...balances.values()];
}
