// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBountyEscrow} from "./interfaces/IBountyEscrow.sol";
import {ClaimCheck} from "./libraries/ClaimCheck.sol";
import {Kind, Rule, Terms} from "./Types.sol";

/// @title What terms an escrow takes
/// @notice Checked once, when a bounty is posted. Stateless; made by the escrow's constructor, because the escrow's code is
/// as large as code may be.
contract TermsRules {
    /// @notice Most attesters of a bounty.
    uint256 internal constant MAX_SIGNERS = 16;
    /// @notice Most values that a claim announces.
    uint256 internal constant MAX_ANNOUNCED = 16;
    /// @notice Longest window and longest time to claim, so that time alone ends every bounty.
    uint256 internal constant MAX_DURATION = 5 * 365 days;
    /// @notice Deepest tree of delivered rows.
    uint256 internal constant MAX_DELIVERY_DEPTH = 32;
    /// @notice Bytes of a bundle that one answer brings.
    uint256 internal constant CHUNK = 8192;

    /// @dev Shortest window, and shortest time to answer, react, reveal and complain, in seconds.
    uint256 private immutable _MINIMUM_WINDOW;
    uint256 private immutable _MINIMUM_REACTION;

    constructor(uint256 minimumWindow, uint256 minimumReaction) {
        _MINIMUM_WINDOW = minimumWindow;
        _MINIMUM_REACTION = minimumReaction;
    }

    /// @notice Reverts unless the escrow can keep every promise of the terms.
    function check(Terms calldata terms) external view {
        _checkSigners(terms);
        if (terms.steps == 0 || terms.stepsPerProof == 0 || terms.steps % terms.stepsPerProof != 0) {
            revert IBountyEscrow.StepsNotDivisible(terms.steps, terms.stepsPerProof);
        }
        if (terms.announces.length > MAX_ANNOUNCED) revert IBountyEscrow.TooManyAnnounced(terms.announces.length);
        if (terms.claimBy <= block.timestamp || terms.claimBy > block.timestamp + MAX_DURATION) {
            revert IBountyEscrow.ClaimByOutOfRange(terms.claimBy);
        }
        _checkDuration(terms.window, _MINIMUM_WINDOW);
        if (terms.reserveFor > MAX_DURATION) _checkDuration(terms.reserveFor, 0);
        // Free reservations would keep everybody out by turns.
        if (terms.reserveFor != 0 && terms.bond == 0) revert IBountyEscrow.BondTooSmall(0, 1);
        // A token may say that it moved anything: sums of credits must not overflow all the same.
        if (terms.reward > type(uint128).max) revert IBountyEscrow.RewardTooLarge(terms.reward);
        _checkKind(terms);
        _checkDelivery(terms);
        _checkDemands(terms);
    }

    /// @dev Only bounties that judge by hidden inputs have entries; only training can be reserved.
    function _checkKind(Terms calldata terms) private view {
        if (terms.kind == Kind.Training) {
            bool empty = terms.enterBy == 0 && terms.discloseBy == 0;
            if (!empty || terms.disclosureBond != 0 || terms.inputsCommitment != 0) {
                revert IBountyEscrow.UnexpectedEntries();
            }
            return;
        }
        if (terms.reserveFor != 0) revert IBountyEscrow.UnexpectedReservation();
        // The poster needs time to disclose, and entrants to prove.
        bool ordered =
            terms.enterBy > block.timestamp &&
                terms.discloseBy >= uint256(terms.enterBy) + _MINIMUM_WINDOW &&
                terms.claimBy >= uint256(terms.discloseBy) + _MINIMUM_WINDOW;
        if (!ordered) revert IBountyEscrow.EntryTimesOutOfOrder(terms.enterBy, terms.discloseBy, terms.claimBy);
        if (terms.inputsCommitment == 0) revert IBountyEscrow.EmptyRoot();
    }

    function _checkDelivery(Terms calldata terms) private view {
        if (!ClaimCheck.delivers(terms)) {
            if (terms.revealFor != 0 || terms.complainFor != 0 || terms.deliveryDepth != 0) {
                revert IBountyEscrow.UnexpectedDelivery();
            }
            return;
        }
        ClaimCheck.checkPoint(terms.deliveryKey);
        _checkDuration(terms.revealFor, _MINIMUM_REACTION);
        _checkDuration(terms.complainFor, _MINIMUM_REACTION);
        if (terms.deliveryDepth > MAX_DELIVERY_DEPTH) {
            revert IBountyEscrow.DeliveryDepthOutOfRange(terms.deliveryDepth, MAX_DELIVERY_DEPTH);
        }
    }

    /// @dev Demands exist where somebody but the attesters must see the data.
    function _checkDemands(Terms calldata terms) private view {
        bool attested = terms.rule == Rule.Attested;
        if (attested != (terms.verifierKey == 0)) revert IBountyEscrow.WrongKey(terms.verifierKey, 0);
        if (attested && !ClaimCheck.delivers(terms)) {
            if (terms.answer != 0 || terms.react != 0 || terms.demandFee != 0) revert IBountyEscrow.UnexpectedDemands();
            return;
        }
        _checkDuration(terms.answer, _MINIMUM_REACTION);
        _checkDuration(terms.react, _MINIMUM_REACTION);
        if (terms.demandFee == 0) revert IBountyEscrow.FreeDemands();
        if (attested) return;
        // Whoever buys all of a bundle to find its fault gets the price back with half the bond; and who sells a false one,
        // then refutes it himself before the buyer does, still loses a quarter of it.
        uint256 chunks = (uint256(terms.maxBundle) + CHUNK - 1) / CHUNK;
        uint256 least = 4 * terms.demandFee * (chunks + 8);
        if (terms.bond < least) revert IBountyEscrow.BondTooSmall(terms.bond, least);
    }

    function _checkSigners(Terms calldata terms) private pure {
        uint256 count = terms.signers.length;
        if (count > MAX_SIGNERS) revert IBountyEscrow.TooManySigners(count);
        if (terms.rule == Rule.Optimistic) {
            if (count != 0) revert IBountyEscrow.TooManySigners(count);
            if (terms.threshold != 0) revert IBountyEscrow.ThresholdOutOfRange(terms.threshold, count);
            return;
        }
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

    function _checkDuration(uint256 duration, uint256 minimum) private pure {
        if (duration < minimum || duration > MAX_DURATION) {
            revert IBountyEscrow.DurationOutOfRange(duration, minimum, MAX_DURATION);
        }
    }
}
