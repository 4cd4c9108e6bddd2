// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Terms} from "../Types.sol";
import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {IDelivery} from "../interfaces/IDelivery.sol";
import {Statement} from "../libraries/Statement.sol";
import {Disputes} from "./Disputes.sol";

/// @title The adapter against the payment
/// @notice The key of an accepted claim is revealed; what it opens is complained about, or the claim is settled.
abstract contract Handover is Disputes {
    /// @inheritdoc IBountyEscrow
    IDelivery public immutable DELIVERY;

    constructor(IDelivery delivery) {
        if (address(delivery).code.length == 0) revert NoCode(address(delivery));
        DELIVERY = delivery;
    }

    /// @inheritdoc IBountyEscrow
    function reveal(Terms calldata terms, address claimant, Body calldata body, bytes32 key) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        bytes32 claimId = Statement.claimId(bountyId, claimant, body);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Accepted);
        _requireBefore(entry.deadline);
        _requireRevealed(bountyId, claimant, body, key);

        uint40 complainBy = uint40(block.timestamp + terms.complainFor);
        entry.status = ClaimStatus.Revealed;
        entry.deadline = complainBy;
        entry.demandsBy = complainBy;
        emit Revealed(claimId, bountyId, key, complainBy);
    }

    /// @inheritdoc IBountyEscrow
    function unrevealed(Terms calldata terms, bytes32 claimId) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Accepted);
        _requireFrom(entry.deadline);
        _reject(terms, bountyId, claimId, Reason.Unrevealed, terms.poster, terms.bond);
    }

    /// @inheritdoc IBountyEscrow
    function complain(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        bytes32 key,
        IDelivery.Complaint calldata complaint
    ) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        bytes32 claimId = Statement.claimId(bountyId, claimant, body);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Revealed);
        if (msg.sender != terms.poster) revert NotPoster(msg.sender, terms.poster);
        _requireBefore(entry.deadline);
        _requireRevealed(bountyId, claimant, body, key);

        IDelivery.Delivered memory delivered = IDelivery.Delivered({
            claimId: claimId,
            adapterRoot: body.adapterRoot,
            cipherRoot: body.cipherRoot,
            depth: terms.deliveryDepth,
            key: key,
            nonce: body.nonce,
            deliveryKey: terms.deliveryKey,
            ephemeralKey: body.ephemeralKey
        });
        IDelivery.Fault fault = DELIVERY.check(delivered, complaint);
        if (fault == IDelivery.Fault.None) revert NoFault(claimId);
        emit Complained(claimId, bountyId, complaint.index, fault);
        _reject(terms, bountyId, claimId, Reason.WrongDelivery, terms.poster, terms.bond);
    }

    /// @inheritdoc IBountyEscrow
    function settle(Terms calldata terms, bytes32 claimId) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Revealed);
        _requireFrom(entry.deadline);
        if (entry.openRowDemands != 0) revert OpenDemands(claimId, entry.openRowDemands);
        _pay(terms, bountyId, claimId);
    }

    function _requireRevealed(bytes32 bountyId, address claimant, Body calldata body, bytes32 key) private view {
        bytes32 hash = DELIVERY.keyHashOf(bountyId, claimant, key);
        if (hash != body.keyHash) revert WrongKey(hash, body.keyHash);
    }
}
