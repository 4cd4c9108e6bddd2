import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { attacksOf, faultsOf } from '../../scripts/test/attacks.ts';

const attacks = attacksOf(readFileSync(new URL('../../docs/attacks.md', import.meta.url), 'utf8'));

describe('the list of attacks', () => {
  it('has every section', () => {
    for (const [section, count] of Object.entries({ T: 8, S: 5, L: 7, H: 6, R: 9, E: 10, F: 9, D: 3, U: 3 }))
      assert.deepEqual(
        [...attacks.keys()].filter((id) => id.startsWith(section)),
        Array.from({ length: count }, (_, i) => `${section}${i + 1}`),
      );
  });
  it('a missing test and a test of nothing are found', () => {
    const titles = [...attacks.keys()].map((id) => `${id} is refused`);
    assert.deepEqual(faultsOf(attacks, titles), []);
    assert.deepEqual(
      faultsOf(
        attacks,
        titles.filter((t) => !t.startsWith('S4 ')),
      ),
      ['S4 has no passing test: rows and columns sharing a point'],
    );
    assert.match(faultsOf(attacks, [...titles, 'S99 is refused']).join(), /"S99 is refused" tests an attack that/);
    assert.equal(
      faultsOf(
        attacks,
        titles.map((t) => t.replace('T1 ', 'T1x ')),
      ).length,
      1,
    );
  });
  it('an id that occurs twice is refused', () => assert.throws(() => attacksOf('- T1 a\n- T1 b\n'), /T1 occurs twice/));
});
