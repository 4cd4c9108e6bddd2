// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";

/// @title Commitment of a row of 256 limbs of 16 bits
/// @notice Σ limb_j · G_j + blind · H, by buckets: four windows of four bits, 15 buckets each.
///
/// The limbs are read twice: unsigned, and signed in two's complement. The second commitment is the first less
/// 2^16 · Σ G_j over the limbs whose top bit is set, and that sum is a partial sum of the top window's buckets.
library PedersenRow {
    /// @notice Bytes of a row: 256 limbs of two bytes, big endian, then the blind.
    uint256 internal constant ROW_BYTES = 512 + 32;
    /// @notice Bytes of the generators' code: STOP, then 257 points.
    uint256 internal constant CODE_BYTES = 1 + 257 * 64;

    /// @notice Both commitments of a plain row, (0, 0) where one is infinity.
    /// @param generators Contract whose code is the list of generators.
    /// @param row 544 bytes; the blind is less than r.
    function commit(
        address generators,
        bytes memory row
    ) internal view returns (uint256 ux, uint256 uy, uint256 sx, uint256 sy) {
        (uint256 x, uint256 y, uint256 tx_, uint256 ty) = _buckets(generators, row);
        uint256 hx;
        uint256 hy;
        uint256 blind = blindOf(row);
        assembly ("memory-safe") {
            let m := mload(0x40)
            extcodecopy(generators, m, sub(CODE_BYTES, 0x40), 0x40)
            hx := mload(m)
            hy := mload(add(m, 0x20))
        }
        (ux, uy) = BN254.mulAdd(hx, hy, blind, x, y);
        (sx, sy) = BN254.mulAdd(tx_, ty, BN254.R - (1 << 16), ux, uy);
    }

    /// @notice The last word of a row.
    function blindOf(bytes memory row) internal pure returns (uint256 blind) {
        assembly ("memory-safe") {
            blind := mload(add(row, 0x220))
        }
    }

    /// @dev Σ limb_j · G_j for unsigned limbs, and Σ G_j over the limbs whose top bit is set.
    function _buckets(
        address generators,
        bytes memory row
    ) private view returns (uint256 x, uint256 y, uint256 topX, uint256 topY) {
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
