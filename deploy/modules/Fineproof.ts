import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

/** Registry and escrow. `minimumWindow`: seconds; a day on mainnet, two on an L2. */
export default buildModule('Fineproof', (m) => {
  const minimumWindow = m.getParameter('minimumWindow', 86_400n);
  const registry = m.contract('CommitmentRegistry');
  const escrow = m.contract('BountyEscrow', [minimumWindow]);
  return { registry, escrow };
});
