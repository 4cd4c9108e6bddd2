import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

/**
 * Registry and escrow. In seconds: `minimumWindow`, a day on mainnet, two on an L2; `minimumReaction`, the shortest time to answer,
 * react, reveal and complain. `fraudProof` and `delivery` are the checkers.
 */
export default buildModule('Fineproof', (m) => {
  const minimumWindow = m.getParameter('minimumWindow', 86_400n);
  const minimumReaction = m.getParameter('minimumReaction', 43_200n);
  const fraudProof = m.getParameter('fraudProof', '0x0000000000000000000000000000000000000000');
  const delivery = m.getParameter('delivery', '0x0000000000000000000000000000000000000000');
  const registry = m.contract('CommitmentRegistry');
  const escrow = m.contract('BountyEscrow', [minimumWindow, minimumReaction, fraudProof, delivery]);
  return { registry, escrow };
});
