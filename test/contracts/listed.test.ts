import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('docs/attacks.md', () => {
  it('has a test for each attack on the escrow', () => {
    const listed = [...read('../../docs/attacks.md').matchAll(/^- (E\d+) /gm)].map((match) => match[1] as string);
    const tested = new Set([...read('./attacks.test.ts').matchAll(/\bit\(['"`](E\d+) /g)].map((match) => match[1] as string));
    expect(listed.length).to.be.greaterThan(0);
    expect(listed.filter((id) => !tested.has(id))).to.deep.equal([]);
  });
});
