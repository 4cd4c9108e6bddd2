/** What `bounty post` asks of the rule that releases the reward, and the checks that need no calibration. */
import { Option, type Command } from 'commander';
import { formatEther, type Address } from 'viem';
import { InputError } from '../../verifier/input.ts';
import { RULE } from '../../verifier/statement.ts';
import { ANSWER_GAS } from './cautions.ts';
import type { Escrow } from './chain.ts';
import { addressesOption, durationOption, etherOption, integerOption } from './options.ts';
import { mostDemands, type Doubts, type Judges } from './post-bounty.ts';

const RULES = ['attested', 'optimistic', 'both'] as const;

export interface RuleOptions {
  readonly rule: (typeof RULES)[number];
  readonly attester?: readonly Address[];
  readonly threshold?: number;
  readonly attesterFee: bigint;
  readonly bond: bigint;
  readonly window?: number;
  readonly demandFee?: bigint;
  readonly answer?: number;
  readonly react?: number;
}

const DAY = 86400;
const HALF_A_DAY = DAY / 2;
export const DEFAULT_WINDOW = 2 * DAY;
/** Wei; what an answer costs at 5 gwei. */
const ANSWER_FEE = ANSWER_GAS * 5n * 10n ** 9n;

export const ruleOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--rule <rule>', 'what releases the reward: a verdict; a window in which nobody refuted the claim; or either')
        .choices(RULES)
        .default('attested'),
    )
    .option('--attester <address>', 'whose verdict releases the reward; may be repeated', addressesOption)
    .option('--threshold <n>', 'how many attesters a verdict needs (default: all)', integerOption(1, 16))
    .addOption(new Option('--bond <ether>', 'what a claimant puts down').argParser(etherOption).default(0n, '0'))
    .addOption(new Option('--attester-fee <ether>', 'what each attester earns').argParser(etherOption).default(0n, '0'))
    .option('--window <time>', 'how long a claim waits for a verdict or a challenge (default: 2d)', durationOption)
    .option(
      '--demand-fee <ether>',
      'what a demand for withheld data costs (default: the most that the bond allows; under --rule attested, of rows of a delivery, 0.002)',
      etherOption,
    )
    .option('--answer <time>', 'how long a demand waits for its answer (default: 12h)', durationOption)
    .option('--react <time>', 'how long an answer can be acted upon (default: 12h)', durationOption);

/** Who judges. Errors: attesters missing, or where none have a say. */
export function judgesOf(options: RuleOptions): Judges {
  const signers = options.attester ?? [];
  const { rule } = options;
  if (rule === 'optimistic') {
    if (signers.length > 0 || options.threshold !== undefined || options.attesterFee > 0n)
      throw new InputError(
        '--attester',
        '',
        'has no say under --rule optimistic',
        'leave attesters, threshold and fee out, or use --rule both',
      );
    return { signers: [], threshold: 0 };
  }
  if (signers.length === 0) throw new InputError('--attester', '', 'is missing', `--rule ${rule} needs at least one`);
  return { signers, threshold: options.threshold ?? signers.length };
}

/** Checks options against each other and against the escrow, before anything is computed. `delivers`: rows of a delivery can be demanded. */
export async function checkRule(options: RuleOptions, escrow: Escrow, delivers = false): Promise<void> {
  judgesOf(options);
  const tooShort = (name: string, value: number, least: bigint): void => {
    if (BigInt(value) < least) throw new InputError(name, '', `is ${value} s, this escrow takes ${least} s and more`, 'give a longer time');
  };
  tooShort('--window', options.window ?? DEFAULT_WINDOW, await escrow.minimumWindow());
  if (options.rule === 'attested' && !delivers) {
    for (const [name, value] of [
      ['--demand-fee', options.demandFee],
      ['--answer', options.answer],
      ['--react', options.react],
    ] as const)
      if (value !== undefined)
        throw new InputError(name, '', 'is for claims that can be challenged, or a delivery', 'leave it out, or give --rule');
    return;
  }
  if (options.bond === 0n && options.rule !== 'attested')
    throw new InputError(
      '--bond',
      '',
      `is 0, but --rule ${options.rule} lets a false claimant lose it`,
      'give a bond that covers twice the demands for a bundle',
    );
  if (options.demandFee === 0n)
    throw new InputError('--demand-fee', '', 'is 0', `give what an answer of ${ANSWER_GAS} gas costs, or leave it out`);
  const reaction = await escrow.minimumReaction();
  tooShort('--answer', options.answer ?? HALF_A_DAY, reaction);
  tooShort('--react', options.react ?? HALF_A_DAY, reaction);
}

/** Checks reservations: without a bond anybody could keep all others out for nothing, again and again. */
export function checkReservations(reserveFor: number | undefined, claimWithin: number, bond: bigint): void {
  if (reserveFor === undefined) return;
  if (reserveFor === 0) throw new InputError('--reserve-for', '', 'is 0', 'leave it out, if nobody may reserve');
  if (reserveFor > claimWithin)
    throw new InputError(
      '--reserve-for',
      '',
      `is ${reserveFor} s, but claims are taken for ${claimWithin} s`,
      'give a shorter time, or a longer --claim-within',
    );
  if (bond === 0n) throw new InputError('--bond', '', 'is 0: a reservation would cost nothing', 'give a bond, or leave --reserve-for out');
}

/** How claims are challenged or rows demanded; null under Attested without delivery. Errors: a bond that does not pay for buying a bundle of this size. */
export function doubtsOf(options: RuleOptions, maxBundle: bigint, delivers = false): Doubts | null {
  const times = { answer: options.answer ?? HALF_A_DAY, react: options.react ?? HALF_A_DAY };
  if (options.rule === 'attested') return delivers ? { rule: RULE.attested, demandFee: options.demandFee ?? ANSWER_FEE, ...times } : null;
  const least = 4n * mostDemands(maxBundle);
  const demandFee = options.demandFee ?? options.bond / least;
  if (demandFee === 0n || options.bond < least * demandFee)
    throw new InputError(
      '--bond',
      '',
      `is ${formatEther(options.bond)}; with this --demand-fee it must be ${formatEther(least * (demandFee === 0n ? 1n : demandFee))} or more`,
      'give a larger bond or a smaller fee: a quarter of the bond must pay for all demands that a bundle takes',
    );
  return { rule: RULE[options.rule], demandFee, ...times };
}
