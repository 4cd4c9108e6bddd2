// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {Body, Point, Terms} from "../Types.sol";

/// @title What a claim must have
/// @notice Checks of a claim against its terms that need no state.
library ClaimCheck {
    /// @notice Order of BN254 G1, and of the field of its coordinates.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 internal constant Q = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;

    /// @notice Reverts unless the claim has what the terms ask for, and nothing else.
    function check(Terms calldata terms, Body calldata body) internal pure {
        if (body.announced.length != terms.announces.length) {
            revert IBountyEscrow.WrongAnnouncedCount(body.announced.length, terms.announces.length);
        }
        for (uint256 i = 0; i < body.announced.length; ++i) {
            // A value that is no field element would make every statement about it vacuous.
            if (body.announced[i] >= R) revert IBountyEscrow.AnnouncedOutOfField(i, body.announced[i]);
        }
        if (delivers(terms)) {
            checkPoint(body.ephemeralKey);
        } else if (body.cipherRoot != 0 || body.keyHash != 0 || !_isNone(body.ephemeralKey)) {
            revert IBountyEscrow.UnexpectedDelivery();
        }
    }

    /// @notice Whether the adapter is handed over against the payment.
    function delivers(Terms calldata terms) internal pure returns (bool) {
        return !_isNone(terms.deliveryKey);
    }

    /// @dev A finite point of the curve: any other makes the shared secret known, or a complaint impossible.
    function checkPoint(Point calldata point) internal pure {
        (uint256 x, uint256 y) = (point.x, point.y);
        bool onCurve = x < Q && y < Q && mulmod(y, y, Q) == addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q);
        // (0, 0) is not on the curve: 0 is not 3.
        if (!onCurve) revert IBountyEscrow.InvalidPoint(x, y);
    }

    function _isNone(Point calldata point) private pure returns (bool) {
        return point.x == 0 && point.y == 0;
    }
}
