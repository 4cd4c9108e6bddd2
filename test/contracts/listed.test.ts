import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** Sections of the document whose attacks are on contracts, and the suites that have their tests. */
const SUITES = {
  E: ['attacks'],
  F: ['fraud-attacks', 'fraud'],
  D: ['delivery-attacks'],
} as const;

describe('docs/attacks.md', () => {
  for (const [section, suites] of Object.entries(SUITES))
    it(`has a test for each attack of section ${section}`, () => {
      const listed = [...read('../../docs/attacks.md').matchAll(new RegExp(`^- (${section}\\d+) `, 'gm'))].map(
        (match) => match[1] as string,
      );
      const titles = suites.flatMap((suite) => [...read(`./${suite}.test.ts`).matchAll(/\bit\(\s*['"`]([A-Z]\d+) /g)]);
      const tested = new Set(titles.map((match) => match[1] as string));
      expect(listed.length).to.be.greaterThan(0);
      expect(listed.filter((id) => !tested.has(id))).to.deep.equal([]);
    });
});
