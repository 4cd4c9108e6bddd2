/**
 * Every attack of docs/attacks.md on escrow, fraud proof and delivery has a test here that is named by its id and has passed: judged after the last test, by
 * what ran, not by what the sources say.
 */
import { expect } from 'chai';
import { after, describe, it } from 'mocha';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attacksOf, faultsOf } from '../../scripts/test/attacks.ts';

const SECTIONS = 'EFD';
const attacks = attacksOf(readFileSync(new URL('../../docs/attacks.md', import.meta.url), 'utf8'));

interface Suite {
  readonly tests: readonly { readonly title: string; readonly state?: string | undefined; readonly file?: string | undefined }[];
  readonly suites: readonly Suite[];
}
const testsOf = (suite: Suite): Suite['tests'] => [...suite.tests, ...suite.suites.flatMap(testsOf)];
const faultsIn = (suite: Suite): string[] =>
  faultsOf(
    attacks,
    testsOf(suite)
      .filter(({ state }) => state === 'passed')
      .map(({ title }) => title),
    SECTIONS,
  );

describe('docs/attacks.md', () => {
  it('has attacks on escrow, fraud proof and delivery', () => {
    for (const section of SECTIONS) expect([...attacks.keys()].some((id) => id.startsWith(section))).to.equal(true);
  });

  it('a test that was skipped, failed or is named like another is none', () => {
    const passed = [...attacks.keys()].map((title) => ({ title, state: 'passed' }));
    const suiteWith = (tests: Suite['tests']): Suite => ({ tests: [], suites: [{ tests, suites: [] }] });
    expect(faultsIn(suiteWith(passed))).to.deep.equal([]);
    for (const change of [{ state: 'failed' }, { state: undefined }, { title: 'E50' }, { title: 'of E5' }]) {
      const faults = faultsIn(suiteWith(passed.map((test) => (test.title === 'E5' ? { ...test, ...change } : test))));
      expect(faults[0]).to.match(/^E5 has no passing test/);
    }
  });
});

after(function () {
  const root = this.test?.parent as unknown as Suite;
  const ran = new Set(testsOf(root).map(({ file }) => basename(file ?? '')));
  const all = globSync('*.test.ts', { cwd: fileURLToPath(new URL('.', import.meta.url)) });
  // A run of some files or tests proves nothing about the list.
  const complete = all.every((file) => ran.has(file)) && testsOf(root).every(({ state }) => state !== undefined);
  if (complete) expect(faultsIn(root)).to.deep.equal([]);
});
