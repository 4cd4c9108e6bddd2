// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {Body, Kind, Point, Rule, Terms} from "../Types.sol";

/// @title What an escrow accepts
/// @notice Checks of terms and claims that need no state.
library TermsCheck {
    /// @notice Most attesters of a bounty.
    uint256 internal constant MAX_SIGNERS = 16;
    /// @notice Most values that a claim announces.
    uint256 internal constant MAX_ANNOUNCED = 16;
    /// @notice Longest window and longest time to claim, so that time alone ends every bounty.
    uint256 internal constant MAX_DURATION = 5 * 365 days;
    /// @notice Order of BN254 G1.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    /// @notice Reverts unless the escrow can keep every promise of the terms.
    function check(Terms calldata terms, uint256 minimumWindow) internal view {
        _checkSupported(terms);
        _checkSigners(terms);
        if (terms.steps == 0 || terms.stepsPerProof == 0 || terms.steps % terms.stepsPerProof != 0) {
            revert IBountyEscrow.StepsNotDivisible(terms.steps, terms.stepsPerProof);
        }
        if (terms.announces.length > MAX_ANNOUNCED) revert IBountyEscrow.TooManyAnnounced(terms.announces.length);
        if (terms.window < minimumWindow || terms.window > MAX_DURATION) {
            revert IBountyEscrow.WindowOutOfRange(terms.window, minimumWindow, MAX_DURATION);
        }
        if (terms.claimBy <= block.timestamp || terms.claimBy > block.timestamp + MAX_DURATION) {
            revert IBountyEscrow.ClaimByOutOfRange(terms.claimBy);
        }
    }

    /// @notice Reverts unless the claim has what the terms ask for, and nothing else.
    function check(Terms calldata terms, Body calldata body) internal pure {
        if (body.announced.length != terms.announces.length) {
            revert IBountyEscrow.WrongAnnouncedCount(body.announced.length, terms.announces.length);
        }
        for (uint256 i = 0; i < body.announced.length; ++i) {
            // A value that is no field element would make every statement about it vacuous.
            if (body.announced[i] >= R) revert IBountyEscrow.AnnouncedOutOfField(i, body.announced[i]);
        }
        if (body.cipherRoot != 0 || body.keyHash != 0 || !_isNone(body.ephemeralKey)) {
            revert IBountyEscrow.UnsupportedDelivery();
        }
    }

    function _checkSupported(Terms calldata terms) private pure {
        if (terms.kind != Kind.Training) revert IBountyEscrow.UnsupportedKind(terms.kind);
        if (terms.rule != Rule.Attested) revert IBountyEscrow.UnsupportedRule(terms.rule);
        if (!_isNone(terms.deliveryKey) || terms.revealFor != 0 || terms.complainFor != 0) {
            revert IBountyEscrow.UnsupportedDelivery();
        }
        if (terms.reserveFor != 0) revert IBountyEscrow.UnsupportedReservation();
        if (terms.answer != 0 || terms.react != 0) revert IBountyEscrow.UnsupportedDemands();
    }

    function _checkSigners(Terms calldata terms) private pure {
        uint256 count = terms.signers.length;
        if (count > MAX_SIGNERS) revert IBountyEscrow.TooManySigners(count);
        if (terms.threshold == 0 || terms.threshold > count) {
            revert IBountyEscrow.ThresholdOutOfRange(terms.threshold, count);
        }
        address last = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address signer = terms.signers[i];
            if (signer <= last) revert IBountyEscrow.SignersNotAscending(i);
            last = signer;
        }
    }

    function _isNone(Point calldata point) private pure returns (bool) {
        return point.x == 0 && point.y == 0;
    }
}
