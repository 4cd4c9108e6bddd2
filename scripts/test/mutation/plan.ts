/** Which files are mutated, and which tests judge the mutants of each, the likeliest to fail first. */

/** Suites of the escrow over checkers that believe what roots say, then those over the real ones. */
const ESCROW = [
  'escrow',
  'handover',
  'entries',
  'optimistic',
  'terms',
  'deadlines',
  'calls',
  'optimistic-attacks',
  'attacks',
  'statement',
  'together',
];
const CHECKERS = ['fraud', 'second-evm', 'delivery', 'fraud-attacks', 'delivery-attacks', 'together', 'recorded'];

const first = (own: readonly string[], suites: readonly string[]): readonly string[] => [
  ...own,
  ...suites.filter((name) => !own.includes(name)),
];

export const PLAN: Readonly<Record<string, readonly string[]>> = {
  'contracts/BountyEscrow.sol': ESCROW,
  'contracts/TermsRules.sol': first(['terms'], ESCROW),
  'contracts/escrow/Ledger.sol': first(['escrow', 'attacks'], ESCROW),
  'contracts/escrow/Bounties.sol': ESCROW,
  'contracts/escrow/Entries.sol': first(['entries'], ESCROW),
  'contracts/escrow/Verdicts.sol': ESCROW,
  'contracts/escrow/Disputes.sol': first(['optimistic'], ESCROW),
  'contracts/escrow/Handover.sol': first(['handover'], ESCROW),
  'contracts/libraries/ClaimQueue.sol': ESCROW,
  'contracts/libraries/ClaimCheck.sol': first(['escrow', 'terms', 'handover'], ESCROW),
  'contracts/libraries/Statement.sol': first(['statement'], ESCROW),
  'contracts/FraudProof.sol': CHECKERS,
  'contracts/libraries/Instruction.sol': CHECKERS,
  'contracts/libraries/IndexedMerkle.sol': CHECKERS,
  'contracts/libraries/BN254.sol': [...CHECKERS, 'terms', 'escrow', 'handover'],
  'contracts/Delivery.sol': first(['delivery', 'second-evm', 'delivery-attacks'], CHECKERS),
  'contracts/libraries/PedersenRow.sol': first(['delivery', 'second-evm', 'delivery-attacks'], CHECKERS),
  'contracts/libraries/Buckets.sol': first(['delivery', 'second-evm', 'delivery-attacks'], CHECKERS),
};
