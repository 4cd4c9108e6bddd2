// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Body, Terms} from "./Types.sol";
import {IBountyEscrow} from "./interfaces/IBountyEscrow.sol";
import {ClaimQueue} from "./libraries/ClaimQueue.sol";
import {Statement} from "./libraries/Statement.sol";
import {TermsCheck} from "./libraries/TermsCheck.sol";

/// @title Escrow of fine-tuning bounties
/// @notice See `IBountyEscrow`.
contract BountyEscrow is IBountyEscrow, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using ClaimQueue for Bounty;

    address private constant NATIVE = address(0);
    bytes32 private constant VERDICT_TYPEHASH = keccak256("Verdict(bytes32 claimId,bool valid,uint64 expiry)");

    /// @inheritdoc IBountyEscrow
    uint256 public immutable MINIMUM_WINDOW;

    /// @inheritdoc IBountyEscrow
    mapping(address token => mapping(address account => uint256 amount)) public credits;

    mapping(bytes32 bountyId => Bounty bounty) private _bounties;
    mapping(bytes32 claimId => Claim claim) private _claims;

    /// @param minimumWindow Shortest window that terms may have, in seconds (a day on mainnet, two on an L2).
    constructor(uint256 minimumWindow) EIP712("Fineproof", "1") {
        MINIMUM_WINDOW = minimumWindow;
    }

    // --- Entry points ---

    /// @inheritdoc IBountyEscrow
    function post(Terms calldata terms) external payable nonReentrant returns (bytes32 bountyId) {
        return _post(terms);
    }

    /// @inheritdoc IBountyEscrow
    function postWithPermit(
        Terms calldata terms,
        Permit calldata permit
    ) external payable nonReentrant returns (bytes32 bountyId) {
        // A permit can be used by anybody who sees it, so its failure says nothing: the allowance decides.
        try
            IERC20Permit(terms.token).permit(
                msg.sender,
                address(this),
                terms.reward,
                permit.deadline,
                permit.v,
                permit.r,
                permit.s
            )
        {} catch {} // solhint-disable-line no-empty-blocks
        return _post(terms);
    }

    /// @inheritdoc IBountyEscrow
    function claim(Terms calldata terms, Body calldata body) external payable nonReentrant returns (bytes32 claimId) {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        _requireBefore(terms.claimBy);
        if (msg.value != terms.bond) revert WrongValue(msg.value, terms.bond);
        TermsCheck.check(terms, body);
        claimId = Statement.claimId(bountyId, msg.sender, body);
        Claim storage entry = _claims[claimId];
        if (entry.status != ClaimStatus.None) revert AlreadyClaimed(claimId);

        uint64 acceptFrom = uint64(block.timestamp) + terms.window;
        entry.bountyId = bountyId;
        entry.claimant = msg.sender;
        entry.acceptFrom = acceptFrom;
        entry.status = ClaimStatus.Pending;
        bounty.push(_claims, claimId);
        emit Claimed(claimId, bountyId, msg.sender, acceptFrom, body);
    }

    /// @inheritdoc IBountyEscrow
    function attest(
        Terms calldata terms,
        bytes32 claimId,
        bool valid,
        uint64 expiry,
        uint16 attesters,
        bytes[] calldata signatures
    ) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        Claim storage entry = _pendingClaim(bountyId, claimId);
        if (entry.attesters != 0) revert AlreadyAttested(claimId);
        _requireBefore(expiry);
        _requireBefore(entry.acceptFrom);
        _checkSignatures(terms, verdictDigest(claimId, valid, expiry), attesters, signatures);

        emit Attested(claimId, bountyId, valid, expiry, attesters);
        if (valid) entry.attesters = attesters;
        else _reject(terms, bountyId, bounty, claimId, Reason.InvalidVerdict);
    }

    /// @inheritdoc IBountyEscrow
    function accept(Terms calldata terms, bytes32 claimId) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        Claim storage entry = _pendingClaim(bountyId, claimId);
        if (bounty.first != claimId) revert ClaimNotFirst(claimId, bounty.first);
        uint256 attesters = entry.attesters;
        if (attesters == 0) revert NotAttested(claimId);

        entry.status = ClaimStatus.Paid;
        bounty.status = BountyStatus.Paid;
        address claimant = entry.claimant;
        emit Paid(claimId, bountyId, claimant);
        _credit(terms.token, claimant, terms.reward);
        _credit(NATIVE, claimant, terms.bond);
        for (uint256 i = 0; attesters >> i != 0; ++i) {
            if ((attesters >> i) & 1 == 1) _credit(NATIVE, terms.signers[i], terms.attesterFee);
        }
    }

    /// @inheritdoc IBountyEscrow
    function lapse(Terms calldata terms, bytes32 claimId) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        Claim storage entry = _pendingClaim(bountyId, claimId);
        if (entry.attesters != 0) revert AlreadyAttested(claimId);
        _requireFrom(entry.acceptFrom);
        _reject(terms, bountyId, bounty, claimId, Reason.Lapsed);
    }

    /// @inheritdoc IBountyEscrow
    function refund(Terms calldata terms) external nonReentrant {
        (bytes32 bountyId, Bounty storage bounty) = _openBounty(terms);
        _requireFrom(terms.claimBy);
        if (bounty.first != 0) revert LiveClaims(bountyId, bounty.first);

        bounty.status = BountyStatus.Refunded;
        emit Refunded(bountyId);
        _credit(terms.token, terms.poster, terms.reward);
        _credit(NATIVE, terms.poster, terms.attesterFee * terms.threshold);
    }

    /// @inheritdoc IBountyEscrow
    function release(Terms calldata terms, bytes32 claimId) external nonReentrant {
        bytes32 bountyId = Statement.bountyId(terms);
        BountyStatus bountyStatus = _bounties[bountyId].status;
        if (bountyStatus != BountyStatus.Paid) revert BountyNotPaid(bountyId, bountyStatus);
        Claim storage entry = _pendingClaim(bountyId, claimId);

        entry.status = ClaimStatus.Released;
        emit Released(claimId, bountyId);
        _credit(NATIVE, entry.claimant, terms.bond);
    }

    /// @inheritdoc IBountyEscrow
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress();
        amount = credits[token][msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender, token);

        credits[token][msg.sender] = 0;
        emit Withdrawn(msg.sender, token, to, amount);
        if (token == NATIVE) {
            Address.sendValue(payable(to), amount);
        } else {
            // A token that takes more than it was told to would be paid out of other bounties' rewards.
            uint256 before = IERC20(token).balanceOf(address(this));
            IERC20(token).safeTransfer(to, amount);
            uint256 sent = before - IERC20(token).balanceOf(address(this));
            if (sent != amount) revert InexactTransfer(sent, amount);
        }
    }

    // --- Views ---

    /// @inheritdoc IBountyEscrow
    function bountyOf(bytes32 bountyId) external view returns (Bounty memory) {
        return _bounties[bountyId];
    }

    /// @inheritdoc IBountyEscrow
    function claimOf(bytes32 claimId) external view returns (Claim memory entry) {
        entry = _claims[claimId];
        bool paid = _bounties[entry.bountyId].status == BountyStatus.Paid;
        if (paid && entry.status == ClaimStatus.Pending) entry.status = ClaimStatus.Superseded;
    }

    /// @inheritdoc IBountyEscrow
    function status(bytes32 bountyId) external view returns (JobStatus) {
        Bounty storage bounty = _bounties[bountyId];
        if (bounty.status == BountyStatus.None) return JobStatus.Open;
        if (bounty.status == BountyStatus.Paid) return JobStatus.Completed;
        if (bounty.status == BountyStatus.Refunded) return JobStatus.Expired;
        return bounty.first == 0 ? JobStatus.Funded : JobStatus.Submitted;
    }

    /// @inheritdoc IBountyEscrow
    function bountyIdOf(Terms calldata terms) external view returns (bytes32) {
        return Statement.bountyId(terms);
    }

    /// @inheritdoc IBountyEscrow
    function claimIdOf(bytes32 bountyId, address claimant, Body calldata body) external pure returns (bytes32) {
        return Statement.claimId(bountyId, claimant, body);
    }

    /// @inheritdoc IBountyEscrow
    function statementOf(
        Terms calldata terms,
        address claimant,
        Body calldata body
    ) external view returns (bytes32[] memory) {
        return Statement.words(terms, claimant, body);
    }

    /// @inheritdoc IBountyEscrow
    function verdictDigest(bytes32 claimId, bool valid, uint64 expiry) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VERDICT_TYPEHASH, claimId, valid, expiry)));
    }

    // --- Internals ---

    function _post(Terms calldata terms) private returns (bytes32 bountyId) {
        if (msg.sender != terms.poster) revert NotPoster(msg.sender, terms.poster);
        TermsCheck.check(terms, MINIMUM_WINDOW);
        uint256 value = terms.attesterFee * terms.threshold;
        if (terms.token == NATIVE) value += terms.reward;
        if (msg.value != value) revert WrongValue(msg.value, value);
        bountyId = Statement.bountyId(terms);
        if (_bounties[bountyId].status != BountyStatus.None) revert AlreadyPosted(bountyId);

        _bounties[bountyId].status = BountyStatus.Open;
        emit Posted(bountyId, msg.sender, terms);
        if (terms.token != NATIVE) {
            IERC20 token = IERC20(terms.token);
            uint256 before = token.balanceOf(address(this));
            token.safeTransferFrom(msg.sender, address(this), terms.reward);
            uint256 received = token.balanceOf(address(this)) - before;
            if (received != terms.reward) revert InexactTransfer(received, terms.reward);
        }
    }

    function _reject(
        Terms calldata terms,
        bytes32 bountyId,
        Bounty storage bounty,
        bytes32 claimId,
        Reason reason
    ) private {
        Claim storage entry = _claims[claimId];
        entry.status = ClaimStatus.Rejected;
        bounty.remove(_claims, claimId);
        emit Rejected(claimId, bountyId, reason);
        _credit(NATIVE, entry.claimant, terms.bond);
    }

    function _credit(address token, address account, uint256 amount) private {
        if (amount == 0) return;
        credits[token][account] += amount;
        emit Credited(account, token, amount);
    }

    function _openBounty(Terms calldata terms) private view returns (bytes32 bountyId, Bounty storage bounty) {
        bountyId = Statement.bountyId(terms);
        bounty = _bounties[bountyId];
        if (bounty.status != BountyStatus.Open) revert BountyNotOpen(bountyId, bounty.status);
    }

    function _pendingClaim(bytes32 bountyId, bytes32 claimId) private view returns (Claim storage entry) {
        entry = _claims[claimId];
        if (entry.bountyId != bountyId) revert ClaimNotOfBounty(claimId, bountyId);
        if (entry.status != ClaimStatus.Pending) revert ClaimNotPending(claimId, entry.status);
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
        if (used != signatures.length) revert WrongSignatureCount(used, signatures.length);
    }

    function _requireBefore(uint256 time) private view {
        if (block.timestamp >= time) revert TooLate(time, block.timestamp);
    }

    function _requireFrom(uint256 time) private view {
        if (block.timestamp < time) revert TooEarly(time, block.timestamp);
    }
}
