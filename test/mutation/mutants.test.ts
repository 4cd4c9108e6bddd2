/** The mutator of the contracts: which changes it makes, that their ids are names, and that the list of equivalent ones is about mutants that exist. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EQUIVALENT } from '../../scripts/test/mutation/equivalent.ts';
import { applyTo, mutantsOf, type Mutant } from '../../scripts/test/mutation/mutants.ts';
import { neighbours } from '../../scripts/test/mutation/operators.ts';
import { PLAN } from '../../scripts/test/mutation/plan.ts';
import { astOf } from '../../scripts/test/mutation/sources.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');
const all = new Map(Object.keys(PLAN).map((file) => [file, mutantsOf(file, read(file), astOf(root, file))]));
const of = (file: string): Mutant[] => all.get(`contracts/${file}`) as Mutant[];
const changes = (mutants: readonly Mutant[], fn: string, operator: string): string[] =>
  mutants.filter(({ id }) => id.includes(`.${fn}/${operator}/`)).map(({ before, after }) => `${before} → ${after}`.replaceAll(/\s+/g, ' '));

describe('the mutator of the contracts', () => {
  it('changes relations, sums, logic, constants, assignments, arguments and modifiers, and leaves out statements', () => {
    assert.deepEqual(changes(of('libraries/ClaimQueue.sol'), 'push', 'relational'), ['== → !=']);
    assert.deepEqual(changes(of('libraries/ClaimQueue.sol'), 'push', 'constant'), ['0 → 1']);
    assert.deepEqual(changes(of('libraries/ClaimQueue.sol'), 'push', 'deletion').slice(1), [
      'claims[last].next = claimId; → {}',
      'claims[claimId].previous = last; → {}',
      'bounty.first = claimId; → {}',
      'bounty.last = claimId; → {}',
    ]);
    assert.deepEqual(changes(of('libraries/BN254.sol'), 'isFinite', 'logical'), ['&& → ||', '|| → &&']);
    assert.deepEqual(changes(of('libraries/Instruction.sol'), '_arithmetic', 'swap').slice(0, 2), [
      'v[2], BN254.R → BN254.R, v[2]',
      'BN254.R - v[2], BN254.R → BN254.R, BN254.R - v[2]',
    ]);
    assert.ok(changes(of('escrow/Bounties.sol'), 'collect', 'assignment').includes('++ → --'));
    assert.ok(changes(of('escrow/Bounties.sol'), '_post', 'assignment').includes('+= → -='));
    assert.deepEqual(changes(of('escrow/Handover.sol'), 'settle', 'modifier'), ['nonReentrant → ']);
    assert.deepEqual(changes(of('escrow/Bounties.sol'), 'refund', 'negation'), [
      'terms.kind != Kind.Training && !bounty.disclosed → !(terms.kind != Kind.Training && !bounty.disclosed)',
    ]);
  });

  it('changes inline assembly alike', () => {
    const own = of('libraries/BN254.sol');
    assert.ok(changes(own, 'mulAdd', 'logical').includes('and → or'));
    assert.ok(changes(own, 'mulAdd', 'relational').includes('eq(returndatasize(), 0x40) → iszero(eq(returndatasize(), 0x40))'));
    assert.ok(changes(own, 'mulAdd', 'deletion').includes('mstore(m, px) → {}'));
    assert.ok(changes(own, 'mulAdd', 'constant').includes('0x60 → 0x61'));
  });

  it('next numbers keep their notation', () => {
    for (const [literal, next] of [
      ['0', ['1']],
      ['1_000', ['1001', '999']],
      ['0x0f', ['0x10', '0x0e']],
      ['0x0000', ['0x0001']],
      ['365 days', ['366 days', '364 days']],
      ['1e18', []],
    ] as const)
      assert.deepEqual(neighbours(literal), next);
  });

  it('each mutant is one change at its place, of another text, under a name of its own', () => {
    const ids = new Set<string>();
    for (const [file, mutants] of all) {
      const source = read(file);
      for (const mutant of mutants) {
        assert.ok(!ids.has(mutant.id), mutant.id);
        ids.add(mutant.id);
        const changed = applyTo(source, mutant);
        assert.notEqual(changed, source, mutant.id);
        assert.equal(Buffer.byteLength(changed), Buffer.byteLength(source) - mutant.length + Buffer.byteLength(mutant.after));
        assert.equal(changed.split('\n')[mutant.line - 1]?.includes(mutant.after.split('\n')[0] as string), true, mutant.id);
      }
    }
  });

  it('names outlive changes elsewhere in the file', () => {
    const file = 'contracts/libraries/ClaimQueue.sol';
    const before = of('libraries/ClaimQueue.sol');
    const source = read(file).replace('library ClaimQueue {', '// A word more, and “two” of several bytes.\nlibrary ClaimQueue {');
    const shift = Buffer.byteLength(source) - Buffer.byteLength(read(file));
    const moved = JSON.parse(JSON.stringify(astOf(root, file)), (key, value: unknown) =>
      key === 'src' ? String(value).replace(/^\d+/, (start) => String(Number(start) > 400 ? Number(start) + shift : start)) : value,
    ) as ReturnType<typeof astOf>;
    assert.deepEqual(
      mutantsOf(file, source, moved).map(({ id }) => id),
      before.map(({ id }) => id),
    );
  });

  it('every suite of the plan is there', () => {
    for (const { checkers, escrow } of Object.values(PLAN))
      for (const suite of [...checkers, ...escrow]) assert.ok(existsSync(`${root}test/contracts/${suite}.test.ts`), suite);
  });

  it('what is listed as equivalent exists, and has a reason', () => {
    const ids = new Set([...all.values()].flat().map(({ id }) => id));
    for (const [id, reason] of Object.entries(EQUIVALENT)) {
      assert.ok(ids.has(id), `${id}: there is no such mutant`);
      assert.ok(reason.length > 20, `${id}: why?`);
    }
  });
});
