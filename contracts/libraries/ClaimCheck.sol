// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {Body, Point, Terms} from "../Types.sol";
import {BN254} from "./BN254.sol";

/// @title What a claim must have
/// @notice Checks of a claim against its terms that need no state.
library ClaimCheck {
    /// @notice Most URIs of a claim, and most bytes of them all.
    uint256 internal constant MAX_URIS = 4;
    uint256 internal constant MAX_URI_BYTES = 512;
    /// @dev The top bit of each byte.
    uint256 private constant TOP_BITS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @notice Reverts unless the claim has what the terms ask for, and nothing else.
    function check(Terms calldata terms, Body calldata body) internal pure {
        if (body.announced.length != terms.announces.length) {
            revert IBountyEscrow.WrongAnnouncedCount(body.announced.length, terms.announces.length);
        }
        for (uint256 i = 0; i < body.announced.length; ++i) {
            // A value that is no field element would make every statement about it vacuous.
            if (body.announced[i] >= BN254.R) revert IBountyEscrow.AnnouncedOutOfField(i, body.announced[i]);
        }
        _checkUris(body.uris);
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

    /// @notice Reverts unless the point is finite and on the curve: any other makes the shared secret known, or a complaint
    /// impossible.
    function checkPoint(Point calldata point) internal pure {
        if (!BN254.isFinite(point.x, point.y)) revert IBountyEscrow.InvalidPoint(point.x, point.y);
    }

    /// @dev Who challenges or answers has to hand in the body again: a large one would price out every challenge.
    function _checkUris(string[] calldata uris) private pure {
        uint256 size = 0;
        for (uint256 i = 0; i < uris.length && i <= MAX_URIS; ++i) size += bytes(uris[i]).length;
        if (uris.length > MAX_URIS || size > MAX_URI_BYTES) revert IBountyEscrow.UrisTooLong(uris.length, size);
        for (uint256 i = 0; i < uris.length; ++i) {
            // Clients read text: other bytes would be changed by that, and the claim's id with them.
            bytes calldata uri = bytes(uris[i]);
            for (uint256 offset = 0; offset < uri.length; offset += 32) {
                if (uint256(bytes32(uri[offset:])) & TOP_BITS != 0) revert IBountyEscrow.UriNotAscii(i);
            }
        }
    }

    function _isNone(Point calldata point) private pure returns (bool) {
        return point.x == 0 && point.y == 0;
    }
}
