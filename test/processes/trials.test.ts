/** One of the trials of `npm run test:processes`, and that what judges them finds every fault it is there for. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeFunctionData } from 'viem';
import { bountyEscrowAbi } from '../../deploy/artifacts.ts';
import { localAccount } from '../../scripts/lib/local-chain.ts';
import type { Hex } from '../../verifier/input.ts';
import { CHAIN_ID } from './chain.ts';
import type { Balance, EscrowEvent, Facts, Mined } from './facts.ts';
import { population } from './fleet.ts';
import { judge, type Case } from './judge.ts';
import { prepare, type Material } from './material.ts';
import { planOf, RULES, SCENARIOS } from './plan.ts';
import { runTrial, type TrialResult } from './trial.ts';

const folder = mkdtempSync(join(tmpdir(), 'fineproof-trials-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let material: Material;
before(async () => {
  material = await prepare(join(folder, 'material'));
});

const SEED = 1;

test('every round of fifteen trials has every rule with every scenario; a seed gives the same plans', () => {
  for (const round of [0, 1]) {
    const plans = Array.from({ length: RULES.length * SCENARIOS.length }, (_, i) => planOf(SEED, 15 * round + i));
    assert.equal(new Set(plans.map((p) => `${p.rule} ${p.scenario}`)).size, 15);
  }
  assert.deepEqual(planOf(SEED, 7), planOf(SEED, 7));
  assert.notDeepEqual(planOf(SEED, 7).kills, planOf(SEED + 1, 7).kills);
});

/** Of a bounty that is paid. */
const RUN = 23;
let result: TrialResult;

test('killed at random moments, a bounty is paid, and nothing is sent or signed twice', async () => {
  const lines: string[] = [];
  result = await runTrial(planOf(SEED, RUN), material, join(folder, `run-${RUN}`), (text) => lines.push(text));
  assert.deepEqual(result.faults, [], lines.join('\n'));
  assert.equal(result.judged.outcome, 'paid');
  assert.ok(result.kills.length + result.chainKills.length > 0);
  assert.equal(population(), 0);
});

test('the judge sees what must not be', async () => {
  const { facts, tried } = result;
  const { events, mined, balances, statuses } = facts;
  const event = (name: EscrowEvent['eventName']): EscrowEvent => events.find((e) => e.eventName === name) as EscrowEvent;
  const without = (name: EscrowEvent['eventName']): readonly EscrowEvent[] => events.filter((e) => e !== event(name));
  const finds = (changed: Partial<Facts>, fault: RegExp, as: Partial<Case> = {}): void => {
    const { faults } = judge({ ...facts, ...changed }, { ...tried, ...as });
    assert.ok(
      faults.some((f) => fault.test(f)),
      `${fault} is not among ${faults.join('; ')}`,
    );
  };
  finds({ events: [...events, event('Posted')] }, /2 bounties were posted/);
  finds({ events: [...events, event('Paid')] }, /paid 2 times, refunded 0 times/);
  finds({ events: [...events, { ...event('Paid'), eventName: 'Refunded' } as EscrowEvent] }, /paid 1 times, refunded 1 times/);
  finds({ events: without('Paid') }, /paid 0 times, refunded 0 times/);
  finds({}, /who is not the contributor/, { contributor: tried.poster });
  finds({}, /a false claim was paid/, { liar: tried.contributor });
  finds({ events: [...events, event('Claimed')] }, /claimed more than once/);
  finds({ events: [...events, event('Attested')] }, /has two verdicts/);
  finds({ statuses: new Map([...statuses].map(([id]) => [id, 'pending'])) }, /is left pending/);
  finds({ events: without('Credited') }, /were credited/);
  finds({ events: without('Attested') }, /did not get the fees back/);
  finds({ held: 1n }, /the escrow holds 1 wei/);
  for (const [who, balance] of balances)
    finds({ balances: new Map([[who, { ...balance, after: balance.after + 1n }]]) }, /is not what its transactions give/);
  finds({ balances: new Map([[tried.poster, { ...(balances.get(tried.poster) as Balance), nonce: 99 }]]) }, /the nonces of/);
  const claim = mined.find((t) => t.hash === event('Claimed').transactionHash) as Mined;
  finds({ mined: [...mined, { ...claim, success: false }] }, /claim was mined 2 times/);

  // Signed, though never mined.
  const key = localAccount(3);
  const attest = (valid: boolean, nonce: number): Promise<Hex> =>
    key.signTransaction({
      ...{ type: 'eip1559', chainId: CHAIN_ID, nonce, to: tried.escrow, gas: 1n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n },
      data: encodeFunctionData({
        abi: bountyEscrowAbi,
        functionName: 'attest',
        args: [(event('Posted') as Extract<EscrowEvent, { eventName: 'Posted' }>).args.terms, tried.bounty, valid, 5n, 1, []],
      }),
    });
  const signed = async (...all: readonly Promise<Hex>[]): Promise<Partial<Case>> => ({
    signed: (await Promise.all(all)).map((raw) => ({ from: key.address, raw, taken: true })),
    plan: { ...tried.plan, pool: 'kept', chainKills: [] },
  });
  finds({}, /two verdicts of .* were signed/, await signed(attest(true, 0), attest(false, 1)));
  finds({}, /took 2 calls of nonce/, await signed(attest(true, 0), attest(false, 0)));
  assert.deepEqual(judge(facts, { ...tried, ...(await signed(attest(true, 0), attest(true, 1))) }).faults, []);
});
