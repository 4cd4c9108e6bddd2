// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Body, Rule, Terms} from "../Types.sol";
import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {IFraudProof} from "../interfaces/IFraudProof.sol";
import {Statement} from "../libraries/Statement.sol";
import {ClaimCheck} from "../libraries/ClaimCheck.sol";
import {Verdicts} from "./Verdicts.sol";

/// @title Fraud proofs and demands for data
/// @notice What ends a false claim before it is paid, and what brings out the data that shows it false.
abstract contract Disputes is Verdicts {
    /// @inheritdoc IBountyEscrow
    IFraudProof public immutable FRAUD_PROOF;

    /// @inheritdoc IBountyEscrow
    mapping(bytes32 commitment => uint256 time) public committedAt;
    mapping(bytes32 demandId => Demand demand) internal _demands;

    constructor(IFraudProof fraudProof) {
        if (address(fraudProof).code.length == 0) revert NoCode(address(fraudProof));
        FRAUD_PROOF = fraudProof;
    }

    /// @inheritdoc IBountyEscrow
    function commit(bytes32 commitment) external {
        if (committedAt[commitment] != 0) return;
        committedAt[commitment] = block.timestamp;
        emit Committed(commitment, msg.sender);
    }

    /// @inheritdoc IBountyEscrow
    function challenge(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        bytes32 salt,
        IFraudProof.VerifierKey calldata key,
        IFraudProof.Accusation calldata accusation
    ) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        bytes32 claimId = Statement.claimId(bountyId, claimant, body);
        _liveClaim(bountyId, claimId);
        _requireKey(terms, key);
        uint256 position = accusation.position;
        uint256 time = committedAt[keccak256(abi.encode(claimId, position, msg.sender, salt))];
        if (time == 0 || time >= block.timestamp) revert NotCommittedBefore(claimId, position, time);

        IFraudProof.Claimed memory claimed = IFraudProof.Claimed({
            bundleRoot: body.bundleRoot,
            traceRoot: body.traceRoot,
            publicWords: Statement.publicWords(terms, claimant, body)
        });
        IFraudProof.Fault fault = FRAUD_PROOF.check(key, claimed, accusation);
        if (fault == IFraudProof.Fault.None) revert NoFault(claimId);
        emit Challenged(claimId, bountyId, msg.sender, position, fault);
        _reject(terms, bountyId, claimId, Reason.Challenged, msg.sender, terms.bond / 2);
    }

    /// @inheritdoc IBountyEscrow
    function demand(
        Terms calldata terms,
        bytes32 claimId,
        Node calldata node,
        IFraudProof.VerifierKey calldata key
    ) external payable nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        Claim storage entry = _liveClaim(bountyId, claimId);
        if (node.tree == IFraudProof.Tree.Cipher) {
            if (!ClaimCheck.delivers(terms)) revert NoDelivery(claimId);
            if (msg.sender != terms.poster) revert NotPoster(msg.sender, terms.poster);
            if (entry.status == ClaimStatus.Revealed) _requireBefore(entry.demandsBy);
            ++entry.openRowDemands;
        } else {
            if (entry.status != ClaimStatus.Pending) {
                revert WrongClaimStatus(claimId, entry.status, ClaimStatus.Pending);
            }
            _requireBefore(entry.demandsBy);
            _requireKey(terms, key);
            ++entry.openDemands;
        }
        _requireValue(terms.demandFee);
        // Reverts if the tree has no such node: what can't be answered must not be asked.
        FRAUD_PROOF.answerLength(node.tree, _depth(terms, node.tree, key), node.level, node.index);
        bytes32 demandId = _demandId(claimId, node);
        if (_demands[demandId].status != DemandStatus.None) revert AlreadyDemanded(demandId);

        uint256 answerBy = block.timestamp + terms.answer;
        _demands[demandId] = Demand(msg.sender, uint40(answerBy), DemandStatus.Open);
        emit Demanded(claimId, bountyId, msg.sender, node, uint64(answerBy));
    }

    /// @inheritdoc IBountyEscrow
    function answer(
        Terms calldata terms,
        address claimant,
        Body calldata body,
        Node calldata node,
        IFraudProof.VerifierKey calldata key,
        bytes32[] calldata words,
        bytes32[] calldata path
    ) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        bytes32 claimId = Statement.claimId(bountyId, claimant, body);
        Claim storage entry = _liveClaim(bountyId, claimId);
        Demand storage open = _openDemand(claimId, node);
        _requireBefore(open.answerBy);
        bool rows = node.tree == IFraudProof.Tree.Cipher;
        if (!rows) _requireKey(terms, key);
        bytes32 root =
            rows
                ? body.cipherRoot
                : node.tree == IFraudProof.Tree.Bundle
                    ? body.bundleRoot
                    : body.traceRoot;
        uint256 depth = _depth(terms, node.tree, key);
        FRAUD_PROOF.checkAnswer(node.tree, root, depth, node.level, node.index, words, path);

        open.status = DemandStatus.Answered;
        uint40 until = uint40(block.timestamp + terms.react);
        if (rows) --entry.openRowDemands;
        else --entry.openDemands;
        // Encrypted rows matter to complaints, bundle and trace to acceptance.
        bool waits = !rows || entry.status == ClaimStatus.Revealed;
        if (waits && entry.deadline < until) entry.deadline = until;
        emit Answered(claimId, bountyId, node, until);
        // The whole call, for whoever doubts the claim: in a transaction through a contract nobody else would see it.
        assembly ("memory-safe") {
            let m := mload(0x40)
            calldatacopy(m, 0, calldatasize())
            log0(m, calldatasize())
        }
        _credit(NATIVE, claimant, terms.demandFee);
    }

    /// @inheritdoc IBountyEscrow
    function defaulted(Terms calldata terms, bytes32 claimId, Node calldata node) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        _liveClaim(bountyId, claimId);
        Demand storage open = _openDemand(claimId, node);
        _requireFrom(open.answerBy);

        open.status = DemandStatus.Defaulted;
        address demander = open.demander;
        emit Defaulted(claimId, bountyId, demander, node);
        _credit(NATIVE, demander, terms.demandFee);
        _reject(terms, bountyId, claimId, Reason.Defaulted, demander, terms.bond / 2);
    }

    /// @inheritdoc IBountyEscrow
    function reclaim(Terms calldata terms, bytes32 claimId, Node calldata node) external nonReentrant {
        bytes32 bountyId = Statement.bountyId(terms);
        Claim storage entry = _claims[claimId];
        if (entry.bountyId != bountyId) revert ClaimNotOfBounty(claimId, bountyId);
        bool live =
            entry.status == ClaimStatus.Pending ||
                entry.status == ClaimStatus.Accepted ||
                entry.status == ClaimStatus.Revealed;
        if (live && _bounties[bountyId].status == BountyStatus.Open) revert ClaimIsLive(claimId, entry.status);
        Demand storage open = _openDemand(claimId, node);

        open.status = DemandStatus.Reclaimed;
        address demander = open.demander;
        emit Reclaimed(claimId, bountyId, demander, node);
        _credit(NATIVE, demander, terms.demandFee);
    }

    function _openDemand(bytes32 claimId, Node calldata node) private view returns (Demand storage open) {
        bytes32 demandId = _demandId(claimId, node);
        open = _demands[demandId];
        if (open.status != DemandStatus.Open) revert DemandNotOpen(demandId, open.status);
    }

    function _requireKey(Terms calldata terms, IFraudProof.VerifierKey calldata key) private pure {
        if (terms.rule == Rule.Attested) revert NoVerifierKey();
        bytes32 hash = keccak256(abi.encode(key));
        if (hash != terms.verifierKey) revert WrongKey(hash, terms.verifierKey);
    }

    function _depth(
        Terms calldata terms,
        IFraudProof.Tree tree,
        IFraudProof.VerifierKey calldata key
    ) private pure returns (uint256) {
        if (tree == IFraudProof.Tree.Cipher) return terms.deliveryDepth;
        return tree == IFraudProof.Tree.Bundle ? key.bundleDepth : key.traceDepth;
    }

    function _demandId(bytes32 claimId, Node calldata node) private pure returns (bytes32) {
        return keccak256(abi.encode(claimId, node));
    }
}
