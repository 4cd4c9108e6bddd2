// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Generators of Pedersen rows
/// @notice Derives G_0 … G_255 and H of BN254 G1 in its constructor, and is nothing but them afterwards: its code is a
/// STOP, then x ‖ y of each point, H last. Read with EXTCODECOPY at 1 + 64 · i.
///
/// x = keccak("fineproof/generators/v1" ‖ uint32 index ‖ uint32 counter) mod q for the first counter = 0, 1, … whose
/// x³ + 3 is a square; y even; H has index 2^32 − 1. `verifier/generators.ts` derives the same.
contract Generators {
    /// @dev q of `BN254`, and (q + 1) / 4: q ≡ 3 mod 4, so a square's root is its power by that.
    uint256 private constant Q = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    uint256 private constant ROOT = 0x0c19139cb84c680a6e14116da060561765e05aa45a1c72a34f082305b61f3f52;
    uint256 private constant COUNT = 257;

    error ModexpFailed();

    /// @notice Derives all points; about 6 million gas.
    constructor() {
        bytes memory code = new bytes(1 + 64 * COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            (uint256 x, uint256 y) = _derive(i == COUNT - 1 ? type(uint32).max : i);
            assembly ("memory-safe") {
                let at := add(add(code, 0x21), shl(6, i))
                mstore(at, x)
                mstore(add(at, 0x20), y)
            }
        }
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }

    function _derive(uint256 index) private view returns (uint256 x, uint256 y) {
        bool ok = true;
        assembly ("memory-safe") {
            // The call of MODEXP: three lengths, base, exponent, modulus.
            let m := mload(0x40)
            mstore(m, 0x20)
            mstore(add(m, 0x20), 0x20)
            mstore(add(m, 0x40), 0x20)
            mstore(add(m, 0x80), ROOT)
            mstore(add(m, 0xa0), Q)
            // The seed: 23 bytes of domain, index, counter.
            let seed := add(m, 0xc0)
            mstore(seed, "fineproof/generators/v1")
            for {
                let counter := 0
            } ok {
                counter := add(counter, 1)
            } {
                mstore(add(seed, 23), shl(192, or(shl(32, index), counter)))
                x := mod(keccak256(seed, 31), Q)
                let square := addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q)
                mstore(add(m, 0x60), square)
                ok := staticcall(gas(), 0x05, m, 0xc0, 0, 0x20)
                ok := and(ok, eq(returndatasize(), 0x20))
                y := mload(0)
                if eq(mulmod(y, y, Q), square) {
                    if and(y, 1) {
                        y := sub(Q, y)
                    }
                    break
                }
            }
        }
        if (!ok) revert ModexpFailed();
    }
}
