// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";
import {Buckets} from "./Buckets.sol";

/// @title Commitment of a row of 256 limbs of 16 bits
/// @notice Σ limb_j · G_j + blind · H, with the limbs read unsigned, and again signed in two's complement: less
/// 2^16 · Σ G_j over the limbs whose top bit is set, a sum that the buckets of the first reading already hold.
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
        (uint256 x, uint256 y, uint256 tx_, uint256 ty) = Buckets.sum(generators, row);
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
}
