/** Gas that a product and a sum on the curve ask for. Apart from what else errors say, because instrumented code takes more. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ethers, type Hex } from './support/world.ts';

describe('the floor of gas', () => {
  it('is enough for a product and a sum at 40,000 and 1,000, and the 64th part of it that stays behind; else an error says what is needed', async () => {
    const h = await ethers.deployContract('Harness');
    const data = h.interface.encodeFunctionData('mulAdd', [1, 2, 3, 1, 2]);
    const said = async (gas: number): Promise<readonly bigint[] | null> => {
      const [ok, answer] = (await h.getFunction('callWith')(gas, await h.getAddress(), data)) as [boolean, Hex];
      return ok ? null : [...(h.interface.parseError(answer)?.args ?? [])];
    };
    const needed = 41_000n + 650n + 2_000n;
    // The least that is enough, by halves; one unit less falls short by one.
    let [low, high] = [43_000, 200_000];
    expect(await said(high)).to.equal(null);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((await said(middle)) === null) high = middle;
      else low = middle;
    }
    const [left, least] = (await said(low)) as readonly [bigint, bigint];
    expect(least).to.equal(needed);
    // It is read again for the error.
    expect(left < needed && left > needed - 100n).to.equal(true);
  });
});
