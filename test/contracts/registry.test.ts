import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ZERO32, networkHelpers, now, word, world } from './support/world.ts';

describe('registry of commitments', () => {
  it('records who announced what, when first', async () => {
    const { registry, alice, bob } = await world();
    const publishedAt = registry.getFunction('publishedAt');
    await expect(registry.connect(alice).getFunction('publish')(0, word(1), 'https://example.org/card'))
      .to.emit(registry, 'Published')
      .withArgs(0n, word(1), alice.address, 'https://example.org/card');
    const time = await now();
    expect(await publishedAt(0, word(1), alice.address)).to.equal(time);
    expect(await publishedAt(1, word(1), alice.address)).to.equal(0n);
    expect(await publishedAt(0, word(1), bob.address)).to.equal(0n);
    await networkHelpers.time.increase(100);
    await expect(registry.connect(alice).getFunction('publish')(0, word(1), 'https://example.org/mirror')).to.emit(registry, 'Published');
    expect(await publishedAt(0, word(1), alice.address)).to.equal(time);
    await registry.connect(bob).getFunction('publish')(0, word(1), '');
    expect(await publishedAt(0, word(1), bob.address)).to.equal(await now());
  });

  it('refuses the empty digest', async () => {
    const { registry } = await world();
    await expect(registry.getFunction('publish')(0, ZERO32, '')).to.be.revertedWithCustomError(registry, 'EmptyDigest');
  });
});
