import { expect } from 'chai';
import { describe, it } from 'mocha';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

describe('docs/attacks.md', () => {
  it('has a test for each attack on escrow, fraud proof and delivery', () => {
    const markdown = readFileSync(new URL('../../docs/attacks.md', import.meta.url), 'utf8');
    const listed = [...markdown.matchAll(/^- ([EFD]\d+) /gm)].map((match) => match[1] as string);
    const sources = globSync('*.test.ts', { cwd: here }).map((file) => readFileSync(`${here}/${file}`, 'utf8'));
    const tested = new Set(
      sources.flatMap((source) => [...source.matchAll(/\bit\(\s*['"`]([EFD]\d+) /g)].map((match) => match[1] as string)),
    );
    expect(listed.length).to.be.greaterThan(0);
    expect(listed.filter((id) => !tested.has(id))).to.deep.equal([]);
  });
});
