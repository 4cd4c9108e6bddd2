// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";

/// @title Products of generators by 256 limbs of 16 bits, summed by buckets
/// @notice Four windows of four bits, with a bucket for each digit: 1,160 additions at most instead of 256 products. An
/// addition that fails or gives an answer of another size is remembered, and the sum reverts.
library Buckets {
    /// @notice Σ limb_j · G_j for unsigned limbs, and Σ G_j over the limbs whose top bit is set.
    /// @param generators Contract whose code is the list of generators.
    /// @param row Its first 512 bytes are the limbs, big endian.
    function sum(
        address generators,
        bytes memory row
    ) internal view returns (uint256 x, uint256 y, uint256 topX, uint256 topY) {
        uint256 buckets = 0;
        assembly ("memory-safe") {
            let g := mload(0x40)
            extcodecopy(generators, g, 1, 0x4000)
            buckets := add(g, 0x4000)
            // Buckets, and room for two pairs of points.
            mstore(0x40, add(buckets, 0x1100))
        }
        bool ok = _fill(buckets, row);
        bool collected = false;
        (collected, topX, topY) = _collect(buckets);
        if (!ok || !collected) revert BN254.PrecompileFailed();
        assembly ("memory-safe") {
            x := mload(add(buckets, 0x1000))
            y := mload(add(buckets, 0x1020))
        }
    }

    /// @dev Adds each generator to the buckets of its limb's digits: number 16 · window + digit, 64 bytes each. The
    /// generators lie below the buckets, two points to add above them.
    function _fill(uint256 buckets, bytes memory row) private view returns (bool ok) {
        ok = true;
        assembly ("memory-safe") {
            calldatacopy(buckets, calldatasize(), 0x1000)
            let pair := add(buckets, 0x1000)
            let g := sub(buckets, 0x4000)
            let limbs := add(row, 2)
            for {
                let end := add(limbs, 0x200)
            } lt(limbs, end) {
                limbs := add(limbs, 2)
            } {
                let limb := and(mload(limbs), 0xffff)
                for {
                    let b := buckets
                } limb {
                    b := add(b, 0x400)
                } {
                    let digit := and(limb, 15)
                    if digit {
                        let bucket := add(b, shl(6, digit))
                        mcopy(pair, bucket, 0x40)
                        mcopy(add(pair, 0x40), g, 0x40)
                        ok := and(ok, staticcall(1000, 0x06, pair, 0x80, bucket, 0x40))
                        ok := and(ok, eq(returndatasize(), 0x40))
                    }
                    limb := shr(4, limb)
                }
                g := add(g, 0x40)
            }
        }
    }

    /// @dev From the top window down, total ← 16 · total + Σ digit · bucket, at the first point above the buckets. Also the
    /// sum of the top window's buckets from digit 8 on.
    function _collect(uint256 buckets) private view returns (bool ok, uint256 topX, uint256 topY) {
        ok = true;
        assembly ("memory-safe") {
            function plus(at) -> fine {
                fine := staticcall(1000, 0x06, at, 0x80, at, 0x40)
                fine := and(fine, eq(returndatasize(), 0x40))
            }
            // A point and an addend each: the total, and the running sum of a window's buckets.
            let total := add(buckets, 0x1000)
            let running := add(total, 0x80)
            calldatacopy(total, calldatasize(), 0x40)
            for {
                let window := 4
            } window {} {
                window := sub(window, 1)
                for {
                    let i := 0
                } lt(i, 4) {
                    i := add(i, 1)
                } {
                    mcopy(add(total, 0x40), total, 0x40)
                    ok := and(ok, plus(total))
                }
                calldatacopy(running, calldatasize(), 0x40)
                for {
                    let digit := 15
                } digit {
                    digit := sub(digit, 1)
                } {
                    mcopy(add(running, 0x40), add(buckets, add(shl(10, window), shl(6, digit))), 0x40)
                    ok := and(ok, plus(running))
                    if and(eq(window, 3), eq(digit, 8)) {
                        topX := mload(running)
                        topY := mload(add(running, 0x20))
                    }
                    mcopy(add(total, 0x40), running, 0x40)
                    ok := and(ok, plus(total))
                }
            }
        }
    }
}
