/** Which files are mutated, and which tests judge the mutants of each, the likeliest to fail first. */

/** Suites of the checkers and their libraries, and of the escrow: over checkers that believe what roots say, then over the real ones. */
const CHECKERS = ['fraud', 'second-evm', 'delivery', 'words-checkers', 'gas-floor', 'fraud-attacks', 'delivery-attacks', 'recorded'];
const ESCROW = [
  'escrow',
  'handover',
  'entries',
  'optimistic',
  'terms',
  'words',
  'deadlines',
  'calls',
  'optimistic-attacks',
  'attacks',
  'statement',
  'together',
];

/** Compiling the escrow takes ten times as long as its tests, so that what the checkers' tests notice is never compiled into it. */
export interface Judges {
  readonly checkers: readonly string[];
  readonly escrow: readonly string[];
}

const first = (own: readonly string[], suites: readonly string[]): readonly string[] => [
  ...own,
  ...suites.filter((name) => !own.includes(name)),
];
const escrow = (...own: string[]): Judges => ({ checkers: [], escrow: first(own, ESCROW) });
const checkers = (...own: string[]): Judges => ({ checkers: [...first(own, CHECKERS), 'together'], escrow: [] });

export const PLAN: Readonly<Record<string, Judges>> = {
  'contracts/BountyEscrow.sol': escrow(),
  'contracts/TermsRules.sol': escrow('terms', 'words'),
  'contracts/escrow/Ledger.sol': escrow('escrow', 'attacks'),
  'contracts/escrow/Bounties.sol': escrow(),
  'contracts/escrow/Entries.sol': escrow('entries'),
  'contracts/escrow/Verdicts.sol': escrow(),
  'contracts/escrow/Disputes.sol': escrow('optimistic'),
  'contracts/escrow/Handover.sol': escrow('handover'),
  'contracts/libraries/ClaimQueue.sol': escrow(),
  'contracts/libraries/ClaimCheck.sol': escrow('escrow', 'terms', 'handover'),
  'contracts/libraries/Statement.sol': escrow('statement'),
  'contracts/FraudProof.sol': checkers(),
  'contracts/libraries/Instruction.sol': checkers(),
  'contracts/libraries/IndexedMerkle.sol': checkers(),
  'contracts/libraries/BN254.sol': { checkers: CHECKERS, escrow: ['terms', 'handover', 'escrow', 'words', 'together'] },
  'contracts/Delivery.sol': checkers('delivery', 'second-evm', 'delivery-attacks'),
  'contracts/libraries/PedersenRow.sol': checkers('delivery', 'second-evm', 'delivery-attacks'),
  'contracts/libraries/Buckets.sol': checkers('delivery', 'second-evm', 'delivery-attacks'),
};
