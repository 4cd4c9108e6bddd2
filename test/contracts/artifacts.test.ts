import { expect } from 'chai';
import hre from 'hardhat';
import { describe, it } from 'mocha';
import * as recorded from '../../deploy/artifacts.ts';
import { runtimeOf } from '../../scripts/lib/runtime.ts';

describe('deploy/artifacts.ts', () => {
  for (const [name, contract] of [
    ['bountyEscrow', 'BountyEscrow'],
    ['commitmentRegistry', 'CommitmentRegistry'],
    ['fraudProof', 'FraudProof'],
    ['delivery', 'Delivery'],
    ['generators', 'Generators'],
  ] as const) {
    it(`is what ${contract} compiles to (else run: npm run compile)`, async () => {
      const artifact = await hre.artifacts.readArtifact(contract);
      const abi = JSON.parse(JSON.stringify(artifact.abi, (key, value: unknown) => (key === 'internalType' ? undefined : value)));
      expect(recorded[`${name}Abi`]).to.deep.equal(abi);
      expect(recorded[`${name}Bytecode`]).to.equal(artifact.bytecode);
      expect(recorded[`${name}Runtime`]).to.deep.equal(runtimeOf(artifact));
    });
  }
});
