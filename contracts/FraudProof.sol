// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IFraudProof} from "./interfaces/IFraudProof.sol";
import {IndexedMerkle} from "./libraries/IndexedMerkle.sol";
import {Instruction} from "./libraries/Instruction.sol";

/// @title One instruction of a claimed trace, judged
/// @notice See `IFraudProof`.
contract FraudProof is IFraudProof {
    uint256 private constant BUNDLE = uint256(uint48(bytes6("BUNDLE")));
    uint256 private constant TRACE = uint256(uint40(bytes5("TRACE")));
    uint256 private constant CIPHER = uint256(uint48(bytes6("CIPHER")));
    uint256 private constant PREVIOUS = 1 << 31;
    /// @dev Highest levels whose answer is cells, or rows of 17 words; and how far below a higher node its answer lies.
    uint256 private constant CELLS_UP_TO = 7;
    uint256 private constant ROWS_UP_TO = 3;
    uint256 private constant ROW_WORDS = 17;
    uint256 private constant ANSWER_HEIGHT = 8;

    /// @inheritdoc IFraudProof
    function check(
        VerifierKey calldata key,
        Claimed calldata claimed,
        Accusation calldata accusation
    ) external view returns (Fault fault) {
        uint256 position = accusation.position;
        bytes32 root = IndexedMerkle.climb(accusation.leaf, position, accusation.leafPath, key.traceDepth);
        if (root != claimed.traceRoot) revert NotInTrace(position);

        uint256 index = position & ((1 << key.k) - 1);
        (bytes32 list, uint256 length) = _listOf(key, position >> key.k);
        if (index >= length) {
            // Whatever the accusation says besides, there is no instruction here.
            if (accusation.leaf == IndexedMerkle.leaf(TRACE, 0, 0)) revert TrueInstruction(position);
            return Fault.OutsideLists;
        }
        root = Instruction.leaf(index, accusation.head, accusation.imm0, accusation.imm1);
        if (IndexedMerkle.climb(root, index, accusation.instructionPath, key.k) != list) revert NotInList(index);
        return _judge(key, claimed, accusation);
    }

    /// @inheritdoc IFraudProof
    function keyHashOf(VerifierKey calldata key) external pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }

    /// @inheritdoc IFraudProof
    function checkAnswer(
        Tree tree,
        bytes32 root,
        uint256 depth,
        uint256 level,
        uint256 index,
        bytes32[] calldata words,
        bytes32[] calldata path
    ) external pure {
        uint256 length = answerLength(tree, depth, level, index);
        if (words.length != length) revert WrongAnswerLength(words.length, length);
        bytes32[] memory nodes;
        if (tree == Tree.Cipher) nodes = IndexedMerkle.rowLeavesOf(CIPHER, words, ROW_WORDS);
        else if (level <= CELLS_UP_TO) nodes = IndexedMerkle.leavesOf(tree == Tree.Trace ? TRACE : BUNDLE, words);
        else nodes = words;
        if (IndexedMerkle.climb(IndexedMerkle.fold(nodes), index, path, depth - level) != root) revert WrongAnswer();
    }

    /// @inheritdoc IFraudProof
    function answerLength(Tree tree, uint256 depth, uint256 level, uint256 index) public pure returns (uint256) {
        if (level > depth || index >> (depth - level) != 0 || !_isAnswered(tree, depth, level)) {
            revert NoSuchNode(tree, level, index);
        }
        if (tree == Tree.Cipher) return ROW_WORDS << level;
        return level <= CELLS_UP_TO ? 2 << level : 1 << ANSWER_HEIGHT;
    }

    /// @dev Nodes of one level say all that there is to say, in steps from the root down of the trace: with more, who has
    /// to answer in time could be asked for the same words many times over.
    function _isAnswered(Tree tree, uint256 depth, uint256 level) private pure returns (bool) {
        if (tree == Tree.Trace) return (depth - level) % ANSWER_HEIGHT == 0;
        uint256 highest = tree == Tree.Cipher ? ROWS_UP_TO : CELLS_UP_TO;
        return level == (depth < highest ? depth : highest);
    }

    /// @dev Root and length of the list that a segment runs; no segment after P + 1 runs any.
    function _listOf(VerifierKey calldata key, uint256 segment) private pure returns (bytes32 root, uint256 length) {
        if (segment == 0) return (key.init, key.initLength);
        if (segment <= key.steps) return (key.step, key.stepLength);
        if (segment == uint256(key.steps) + 1) return (key.last, key.lastLength);
    }

    /// @dev Evaluates an instruction that is in its list, and compares with the leaf that is in the trace.
    function _judge(
        VerifierKey calldata key,
        Claimed calldata claimed,
        Accusation calldata accusation
    ) private view returns (Fault fault) {
        (uint256 imm0, uint256 imm1) = (accusation.imm0, accusation.imm1);
        (uint256 op, uint256 operands) = Instruction.decode(accusation.head, imm0, imm1);
        uint256[6] memory v;
        if (operands != 0) _readOperands(key, claimed, accusation, operands, v);
        else if (op >= Instruction.LOADF) _readBundle(key, claimed, accusation, op, v);
        else if (accusation.inputs.length != 0) revert WrongInputCount(accusation.inputs.length, 0);
        else if (op != Instruction.CONST) {
            if (imm0 >= claimed.publicWords.length) revert MalformedInstruction(accusation.head);
            v[0] = uint256(claimed.publicWords[imm0]);
        }
        uint256 a;
        uint256 b;
        (fault, a, b) = Instruction.evaluate(op, imm0, imm1, v);
        if (fault != Fault.None) return fault;
        if (accusation.leaf == IndexedMerkle.leaf(TRACE, a, b)) revert TrueInstruction(accusation.position);
        return Fault.WrongValue;
    }

    /// @dev The word (segment · stride + imm0) mod 2^256 of the bundle, or for LOADP the cell that begins there.
    function _readBundle(
        VerifierKey calldata key,
        Claimed calldata claimed,
        Accusation calldata accusation,
        uint256 op,
        uint256[6] memory v
    ) private pure {
        if (accusation.inputs.length != 1) revert WrongInputCount(accusation.inputs.length, 1);
        Opening calldata cell = accusation.inputs[0];
        uint256 word;
        unchecked {
            word = (accusation.position >> key.k) * key.stride + accusation.imm0;
        }
        bytes32 leaf = IndexedMerkle.leaf(BUNDLE, cell.a, cell.b);
        if (IndexedMerkle.climb(leaf, word >> 1, cell.path, key.bundleDepth) != claimed.bundleRoot) {
            revert NotInBundle(word >> 1);
        }
        if (op == Instruction.LOADP) {
            if (word & 1 != 0) revert MalformedInstruction(accusation.head);
            (v[0], v[1]) = (cell.a, cell.b);
        } else {
            v[0] = word & 1 == 0 ? cell.a : cell.b;
        }
    }

    /// @dev The operands that are not none, each in the trace: an earlier value of the segment, or one of the segment before.
    function _readOperands(
        VerifierKey calldata key,
        Claimed calldata claimed,
        Accusation calldata accusation,
        uint256 operands,
        uint256[6] memory v
    ) private pure {
        uint256 used = 0;
        Opening[] calldata inputs = accusation.inputs;
        for (uint256 j = 0; j < operands; ++j) {
            uint256 ref = Instruction.refOf(accusation.head, j);
            if (ref == Instruction.NONE) continue;
            if (used == inputs.length) revert WrongInputCount(used, used + 1);
            Opening calldata cell = inputs[used++];
            uint256 position = _positionOf(key, accusation, ref);
            bytes32 leaf = IndexedMerkle.leaf(TRACE, cell.a, cell.b);
            if (IndexedMerkle.climb(leaf, position, cell.path, key.traceDepth) != claimed.traceRoot) {
                revert NotInTrace(position);
            }
            (v[2 * j], v[2 * j + 1]) = (cell.a, cell.b);
        }
        if (used != inputs.length) revert WrongInputCount(inputs.length, used);
    }

    function _positionOf(
        VerifierKey calldata key,
        Accusation calldata accusation,
        uint256 ref
    ) private pure returns (uint256) {
        uint256 position = accusation.position;
        uint256 index = ref & (PREVIOUS - 1);
        uint256 base = (position >> key.k) << key.k;
        if (ref & PREVIOUS == 0) {
            if (base + index >= position) revert MalformedInstruction(accusation.head);
            return base + index;
        }
        if (base == 0 || index >> key.k != 0) revert MalformedInstruction(accusation.head);
        return base - (1 << key.k) + index;
    }
}
