// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Rule, Terms} from "../Types.sol";
import {IBountyEscrow} from "../interfaces/IBountyEscrow.sol";
import {ClaimCheck} from "../libraries/ClaimCheck.sol";
import {Entries} from "./Entries.sol";

/// @title Verdicts and acceptance
/// @notice What makes a pending claim payable: a verdict of attesters, an undisturbed window, or either.
abstract contract Verdicts is Entries, EIP712 {
    bytes32 private constant VERDICT_TYPEHASH = keccak256("Verdict(bytes32 claimId,bool valid,uint64 expiry)");

    /// @inheritdoc IBountyEscrow
    function attest(
        Terms calldata terms,
        bytes32 claimId,
        bool valid,
        uint64 expiry,
        uint16 attesters,
        bytes[] calldata signatures
    ) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Pending);
        if (entry.attesters != 0 || entry.barred) revert AlreadyAttested(claimId);
        _requireBefore(expiry);
        _requireBefore(entry.deadline);
        _checkSignatures(terms, verdictDigest(claimId, valid, expiry), attesters, signatures);

        emit Attested(claimId, bountyId, valid, expiry, attesters);
        if (valid) entry.attesters = attesters;
        else if (terms.rule == Rule.Both) entry.barred = true;
        else _reject(terms, bountyId, claimId, Reason.InvalidVerdict, entry.claimant, terms.bond);
    }

    /// @inheritdoc IBountyEscrow
    function accept(Terms calldata terms, bytes32 claimId) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Pending);
        if (bounty.first != claimId) revert ClaimNotFirst(claimId, bounty.first);
        if (entry.openDemands != 0) revert OpenDemands(claimId, entry.openDemands);
        if (entry.attesters == 0) {
            if (terms.rule == Rule.Attested) revert NotAttested(claimId);
            _requireFrom(entry.deadline);
        }

        if (!ClaimCheck.delivers(terms)) return _pay(terms, bountyId, claimId);
        uint256 revealBy = block.timestamp + terms.revealFor;
        entry.status = ClaimStatus.Accepted;
        entry.deadline = uint40(revealBy);
        emit Accepted(claimId, bountyId, uint64(revealBy));
    }

    /// @inheritdoc IBountyEscrow
    function lapse(Terms calldata terms, bytes32 claimId) external nonReentrant {
        (bytes32 bountyId, ) = _openBounty(terms);
        Claim storage entry = _claimIn(bountyId, claimId, ClaimStatus.Pending);
        if (terms.rule != Rule.Attested) revert NeverLapses(claimId);
        if (entry.attesters != 0) revert AlreadyAttested(claimId);
        _requireFrom(entry.deadline);
        _reject(terms, bountyId, claimId, Reason.Lapsed, entry.claimant, terms.bond);
    }

    /// @inheritdoc IBountyEscrow
    function verdictDigest(bytes32 claimId, bool valid, uint64 expiry) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VERDICT_TYPEHASH, claimId, valid, expiry)));
    }

    function _checkSignatures(
        Terms calldata terms,
        bytes32 digest,
        uint256 attesters,
        bytes[] calldata signatures
    ) private view {
        if (signatures.length != terms.threshold) revert WrongSignatureCount(signatures.length, terms.threshold);
        uint256 used = 0;
        for (uint256 i = 0; attesters >> i != 0; ++i) {
            if ((attesters >> i) & 1 == 0) continue;
            if (i >= terms.signers.length) revert UnknownAttester(i);
            if (used == signatures.length) revert WrongSignatureCount(used + 1, signatures.length);
            address signer = terms.signers[i];
            if (!SignatureChecker.isValidSignatureNowCalldata(signer, digest, signatures[used])) {
                revert BadSignature(signer);
            }
            ++used;
        }
        // Without signers (Optimistic) nobody's verdict counts, an empty one neither.
        if (used == 0 || used != signatures.length) revert WrongSignatureCount(used, signatures.length);
    }
}
