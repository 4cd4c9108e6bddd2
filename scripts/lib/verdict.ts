/** What attesters sign. */
import type { Address, Hex } from 'viem';

/** EIP-712 typed data of a verdict, for `signTypedData`; `expiry` is the time from which the escrow refuses it. */
export const verdictTypedData = (chainId: bigint, escrow: Address, verdict: { claimId: Hex; valid: boolean; expiry: bigint }) =>
  ({
    domain: { name: 'Fineproof', version: '1', chainId, verifyingContract: escrow },
    types: {
      Verdict: [
        { name: 'claimId', type: 'bytes32' },
        { name: 'valid', type: 'bool' },
        { name: 'expiry', type: 'uint64' },
      ],
    },
    primaryType: 'Verdict',
    message: verdict,
  }) as const;
