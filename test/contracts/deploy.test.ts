import { expect } from 'chai';
import { network } from 'hardhat';
import { describe, it } from 'mocha';
import Fineproof from '../../deploy/modules/Fineproof.ts';

describe('deploy/modules/Fineproof.ts', () => {
  it('deploys an escrow over its checkers, with the times of its parameters', async () => {
    const { ignition } = await network.create();
    const parameters = { Fineproof: { minimumWindow: 172_800n, minimumReaction: 7_200n } };
    const { escrow, fraudProof, delivery } = await ignition.deploy(Fineproof, { parameters });
    expect(await escrow.getFunction('MINIMUM_WINDOW')()).to.equal(172_800n);
    expect(await escrow.getFunction('MINIMUM_REACTION')()).to.equal(7_200n);
    expect(await escrow.getFunction('FRAUD_PROOF')()).to.equal(await fraudProof.getAddress());
    expect(await escrow.getFunction('DELIVERY')()).to.equal(await delivery.getAddress());
  });

  it('wants checkers that exist: without them no claim could be challenged', async () => {
    const { ethers } = await network.create();
    const [account] = await ethers.getSigners();
    const checker = await ethers.deployContract('FraudProof');
    for (const pair of [
      [account, checker],
      [checker, account],
    ]) {
      const factory = await ethers.getContractFactory('BountyEscrow');
      await expect(ethers.deployContract('BountyEscrow', [1n, 1n, ...pair])).to.be.revertedWithCustomError(factory, 'NoCode');
    }
  });
});
