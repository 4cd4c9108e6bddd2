import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

/**
 * Registry, checkers and escrow. In seconds: `minimumWindow`, a day on mainnet, two on an L2; `minimumReaction`, the shortest time to answer,
 * react, reveal and complain.
 */
export default buildModule('Fineproof', (m) => {
  const minimumWindow = m.getParameter('minimumWindow', 86_400n);
  const minimumReaction = m.getParameter('minimumReaction', 43_200n);
  const registry = m.contract('CommitmentRegistry');
  const fraudProof = m.contract('FraudProof');
  const delivery = m.contract('Delivery', [m.contract('Generators')]);
  const escrow = m.contract('BountyEscrow', [minimumWindow, minimumReaction, fraudProof, delivery]);
  return { registry, fraudProof, delivery, escrow };
});
