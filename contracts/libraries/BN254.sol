// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title BN254 G1 through the precompiles 0x06 and 0x07
/// @notice Affine points of y² = x³ + 3 over F_q; (0, 0) is infinity, as for the precompiles, and addition is total.
///
/// A precompile that fails proves nothing: it fails on points off the curve, but also when its caller was given too little
/// gas, or where a chain lacks it. So points are checked here, the calls demand that enough gas is left and forward a
/// capped amount, and a failure or an answer of another size reverts.
library BN254 {
    /// @notice Order of the group.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    /// @notice Modulus of the coordinates.
    uint256 internal constant Q = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;

    /// @notice Most gas that an addition gets; it costs 150 since Istanbul, 500 before.
    uint256 internal constant ADD_GAS = 1_000;
    /// @notice Most gas that a multiplication gets; it costs 6,000 since Istanbul, 40,000 before.
    uint256 internal constant MUL_GAS = 40_000;
    /// @notice What must be left before a multiplication and an addition: a call forwards at most 63/64 of it.
    uint256 internal constant GAS_FLOOR = ((MUL_GAS + ADD_GAS) * 64) / 63 + 2_000;

    error PrecompileFailed();
    error TooLittleGas(uint256 left, uint256 needed);

    /// @notice Coordinates below q and on the curve, or infinity. Every such point is in G1: the cofactor is 1.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= Q || y >= Q) return false;
        if (x == 0 && y == 0) return true;
        return mulmod(y, y, Q) == addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q);
    }

    /// @notice On the curve and not infinity.
    function isFinite(uint256 x, uint256 y) internal pure returns (bool) {
        return (x != 0 || y != 0) && isOnCurve(x, y);
    }

    /// @notice scalar · P + A, for points of the curve; a scalar of r or more acts as its remainder.
    function mulAdd(
        uint256 px,
        uint256 py,
        uint256 scalar,
        uint256 ax,
        uint256 ay
    ) internal view returns (uint256 x, uint256 y) {
        if (gasleft() < GAS_FLOOR) revert TooLittleGas(gasleft(), GAS_FLOOR);
        bool ok = false;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, px)
            mstore(add(m, 0x20), py)
            mstore(add(m, 0x40), scalar)
            ok := staticcall(MUL_GAS, 0x07, m, 0x60, m, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
            mstore(add(m, 0x40), ax)
            mstore(add(m, 0x60), ay)
            ok := and(ok, staticcall(ADD_GAS, 0x06, m, 0x80, m, 0x40))
            ok := and(ok, eq(returndatasize(), 0x40))
            x := mload(m)
            y := mload(add(m, 0x20))
        }
        if (!ok) revert PrecompileFailed();
    }
}
