// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDelivery} from "../../../contracts/interfaces/IDelivery.sol";
import {IFraudProof} from "../../../contracts/interfaces/IFraudProof.sol";

/// Judges by what the roots say, so that a test decides what is false: a trace root is `position << 128 | 1` if the claim is
/// false at this position, and even if it is true everywhere. The right answer to a demand is one word, the hash of the question.
contract MockFraudProof is IFraudProof {
    function check(
        VerifierKey calldata,
        Claimed calldata claimed,
        Accusation calldata accusation
    ) external pure returns (Fault) {
        // 3: the checker says that there is no fault, which a correct one never does.
        if (uint256(claimed.traceRoot) & 3 == 3) return Fault.None;
        bool isFalse = uint256(claimed.traceRoot) & 1 == 1 && uint256(claimed.traceRoot) >> 128 == accusation.position;
        if (!isFalse) revert TrueInstruction(accusation.position);
        // What the escrow hands over is the claim's.
        if (claimed.bundleRoot == 0 || claimed.publicWords.length < 12) revert MalformedInstruction(0);
        return Fault.WrongValue;
    }

    function keyHashOf(VerifierKey calldata key) external pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }

    function answerLength(Tree tree, uint256 depth, uint256 level, uint256 index) external pure returns (uint256) {
        if (level > depth || index >> (depth - level) != 0) revert NoSuchNode(tree, level, index);
        return 1;
    }

    function checkAnswer(
        Tree tree,
        bytes32 root,
        uint256 depth,
        uint256 level,
        uint256 index,
        bytes32[] calldata words,
        bytes32[] calldata path
    ) external pure {
        if (words.length != 1) revert WrongAnswerLength(words.length, 1);
        bool right = words[0] == keccak256(abi.encode(tree, root, depth, level, index));
        if (!right || path.length != depth - level) revert WrongAnswer();
    }
}

/// A row is wrong if the root of the encrypted rows is `index << 128 | 1`; an even root is right everywhere.
contract MockDelivery is IDelivery {
    address public constant GENERATORS = address(0);

    function check(Delivered calldata delivered, Complaint calldata complaint) external pure returns (Fault) {
        if (uint256(delivered.cipherRoot) & 3 == 3) return Fault.None;
        bool wrong = uint256(delivered.cipherRoot) & 1 == 1 && uint256(delivered.cipherRoot) >> 128 == complaint.index;
        if (!wrong) revert TrueRow(complaint.index);
        return Fault.WrongRow;
    }

    function keyHashOf(bytes32 bountyId, address claimant, bytes32 key) external pure returns (bytes32) {
        return keccak256(abi.encode(uint256(uint24(bytes3("KEY"))), bountyId, claimant, key));
    }
}
