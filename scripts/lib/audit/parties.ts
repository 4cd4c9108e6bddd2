/** Who took part in a bounty: roles from terms and events, and what each account put in, got and spent. */
import { zeroAddress, type Address } from 'viem';
import type { Hex } from '../../../verifier/input.ts';
import type { Terms } from '../../../verifier/statement.ts';
import type { AuditEvent, AuditedClaim, AuditedTransaction, Flow, Party, Role, Standing } from './types.ts';

/** Fields of events that name somebody, and as what. */
const ROLE_OF: Readonly<Record<string, readonly [field: string, role: Role]>> = {
  Reserved: ['holder', 'holder of a reservation'],
  Entered: ['entrant', 'entrant'],
  Claimed: ['claimant', 'claimant'],
  Demanded: ['demander', 'demander'],
  Challenged: ['challenger', 'challenger'],
};

/** Roles by account, in order of appearance. */
export function rolesOf(
  terms: Terms,
  events: readonly AuditEvent[],
  transactions: readonly AuditedTransaction[],
): ReadonlyMap<Address, readonly Role[]> {
  const roles = new Map<Address, Role[]>();
  const add = (account: Address, role: Role): void => {
    const own = roles.get(account) ?? [];
    if (!own.includes(role)) own.push(role);
    roles.set(account, own);
  };
  add(terms.poster, 'poster');
  for (const e of events) {
    const named = ROLE_OF[e.name];
    if (named !== undefined) add(e.fields[named[0]] as Address, named[1]);
  }
  for (const signer of terms.signers) add(signer, 'attester');
  for (const t of transactions) if (!roles.has(t.sender)) add(t.sender, 'sender of transactions');
  return roles;
}

/** A name for each account: its first role, numbered where several accounts have the same. */
function namesOf(roles: ReadonlyMap<Address, readonly Role[]>): Map<Address, string> {
  const of = (role: Role): Address[] => [...roles].filter(([, own]) => own[0] === role).map(([account]) => account);
  const names = new Map<Address, string>();
  for (const [account, [role]] of roles) {
    const same = of(role as Role);
    names.set(account, same.length === 1 ? (role as string) : `${role} ${same.indexOf(account) + 1}`);
  }
  return names;
}

interface Inputs {
  readonly roles: ReadonlyMap<Address, readonly Role[]>;
  readonly flows: readonly Flow[];
  readonly transactions: readonly AuditedTransaction[];
  readonly claims: readonly Pick<AuditedClaim, 'claim' | 'signers'>[];
  /** What waits at the escrow for an account. */
  readonly waiting: (account: Address, token: Address) => bigint;
}

function standing(account: Address, token: Address, { flows, waiting }: Inputs): Standing {
  const own = flows.filter((f) => f.account === account && f.token === token);
  const sum = (direction: Flow['direction']): bigint => own.filter((f) => f.direction === direction).reduce((n, f) => n + f.amount, 0n);
  const [paidIn, credited] = [sum('in'), sum('out')];
  return { token, paidIn, credited, net: credited - paidIn, waiting: waiting(account, token) };
}

/** The coins that a bounty moves: the native one, and its reward's. */
export const coinsOf = (terms: Terms): Address[] => [...new Set([zeroAddress, terms.token])];

/** The parties, with their standings. */
export function partiesOf(terms: Terms, inputs: Inputs): Party[] {
  const names = namesOf(inputs.roles);
  return [...inputs.roles].map(([address, roles]): Party => {
    const sent = inputs.transactions.filter((t) => t.sender === address);
    return {
      address,
      name: names.get(address) as string,
      roles,
      signed: inputs.claims.filter((c) => c.signers.includes(address)).map((c): Hex => c.claim),
      standings: coinsOf(terms).map((token) => standing(address, token, inputs)),
      transactions: sent.length,
      gas: sent.reduce((n, t) => n + t.gas, 0n),
      fees: sent.reduce((n, t) => n + t.fee, 0n),
    };
  });
}
