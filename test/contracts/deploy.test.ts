import { expect } from 'chai';
import { network } from 'hardhat';
import { describe, it } from 'mocha';
import Fineproof from '../../deploy/modules/Fineproof.ts';

describe('deploy/modules/Fineproof.ts', () => {
  it('deploys registry and escrow with the window of its parameter', async () => {
    const { ignition } = await network.create();
    const { escrow } = await ignition.deploy(Fineproof, { parameters: { Fineproof: { minimumWindow: 172_800n } } });
    expect(await escrow.getFunction('MINIMUM_WINDOW')()).to.equal(172_800n);
  });
});
