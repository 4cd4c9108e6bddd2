// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IFraudProof} from "../interfaces/IFraudProof.sol";
import {BN254} from "./BN254.sol";

/// @title Instructions of a recorded verifier
/// @notice `verifier/record/instruction.ts` and `evaluate.ts` say the same. head = op | ref0 << 8 | ref1 << 40 | ref2 << 72;
/// a ref is 31 bits of index and, on top, one bit "in the previous segment"; all ones mean none, the point at infinity.
/// What an opcode does not use is 0.
library Instruction {
    uint256 internal constant CONST = 1;
    uint256 internal constant PUB = 2;
    uint256 internal constant PUBF = 3;
    uint256 internal constant LOADF = 4;
    uint256 internal constant LOADP = 5;
    uint256 internal constant LOADW = 6;
    uint256 internal constant ADD = 7;
    uint256 internal constant SUB = 8;
    uint256 internal constant MUL = 9;
    uint256 internal constant MULADD = 10;
    uint256 internal constant ABSORB = 11;
    uint256 internal constant NODE = 12;
    uint256 internal constant SQUEEZE = 13;
    uint256 internal constant ECMULADD = 14;
    uint256 internal constant EQ = 15;

    /// @notice The ref that means no operand.
    uint256 internal constant NONE = type(uint32).max;
    uint256 private constant INSTR = uint256(uint40(bytes5("INSTR")));

    /// @dev By opcode, one byte each: operands, and immediates from imm0 on.
    bytes16 private constant OPERANDS = 0x00000000000000020202030202010302;
    bytes16 private constant IMMEDIATES = 0x00020101010101000000000100010000;

    /// @notice Leaf of an instruction in its list's tree.
    function leaf(uint256 index, uint256 head, uint256 imm0, uint256 imm1) internal pure returns (bytes32 hash) {
        uint256 tag = INSTR;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, tag)
            mstore(add(m, 0x20), index)
            mstore(add(m, 0x40), head)
            mstore(add(m, 0x60), imm0)
            mstore(add(m, 0x80), imm1)
            hash := keccak256(m, 0xa0)
        }
    }

    /// @notice Opcode and number of operands; reverts on what no encoder writes.
    function decode(uint256 head, uint256 imm0, uint256 imm1) internal pure returns (uint256 op, uint256 operands) {
        op = head & 0xff;
        if (op == 0 || op > EQ) revert IFraudProof.MalformedInstruction(head);
        operands = uint8(OPERANDS[op]);
        uint256 immediates = uint8(IMMEDIATES[op]);
        if (head >> (8 + 32 * operands) != 0 || (immediates < 2 && imm1 != 0) || (immediates < 1 && imm0 != 0)) {
            revert IFraudProof.MalformedInstruction(head);
        }
        for (uint256 j = 0; j < operands; ++j) {
            if (refOf(head, j) == NONE && (op != ECMULADD || j == 1)) revert IFraudProof.MalformedInstruction(head);
        }
    }

    /// @notice Ref j of a head.
    function refOf(uint256 head, uint256 j) internal pure returns (uint256) {
        return uint32(head >> (8 + 32 * j));
    }

    /// @notice The value of an instruction, or why it has no right one; reverts on an operand of the wrong type.
    /// @param v What it reads: the public word, the bundle's word or cell, or the operands (x, y, z), two words each.
    function evaluate(
        uint256 op,
        uint256 imm0,
        uint256 imm1,
        uint256[6] memory v
    ) internal view returns (IFraudProof.Fault fault, uint256 a, uint256 b) {
        if (op == CONST) return (IFraudProof.Fault.None, imm0, imm1);
        if (op == PUB || op == LOADW) return (IFraudProof.Fault.None, v[0], 0);
        if (op == PUBF || op == LOADF) {
            return (v[0] < BN254.R ? IFraudProof.Fault.None : IFraudProof.Fault.NotInField, v[0], 0);
        }
        if (op == LOADP) {
            bool finite = BN254.isFinite(v[0], v[1]);
            return (finite ? IFraudProof.Fault.None : IFraudProof.Fault.NotOnCurve, v[0], v[1]);
        }
        if (op == EQ) {
            bool equal = v[0] == v[2] && v[1] == v[3];
            return (equal ? IFraudProof.Fault.None : IFraudProof.Fault.NotEqual, 0, 0);
        }
        if (op == ECMULADD) (a, b) = _mulAdd(v);
        else if (op <= MULADD) a = _arithmetic(op, v);
        else a = _hash(op, imm0, v);
    }

    function _arithmetic(uint256 op, uint256[6] memory v) private pure returns (uint256) {
        for (uint256 j = 0; j < 3; ++j) {
            // An operand that the opcode lacks is 0.
            if (v[2 * j] >= BN254.R || v[2 * j + 1] != 0) revert IFraudProof.InvalidOperand(j);
        }
        if (op == ADD) return addmod(v[0], v[2], BN254.R);
        if (op == SUB) return addmod(v[0], BN254.R - v[2], BN254.R);
        return addmod(mulmod(v[0], v[2], BN254.R), v[4], BN254.R);
    }

    function _hash(uint256 op, uint256 imm0, uint256[6] memory v) private pure returns (uint256) {
        if (op == ABSORB) return uint256(keccak256(abi.encode(imm0, v[0], v[2], v[3])));
        if (op == NODE) return uint256(keccak256(abi.encode(v[0], v[2])));
        return uint256(keccak256(abi.encode(imm0, v[0]))) >> 8;
    }

    function _mulAdd(uint256[6] memory v) private view returns (uint256 x, uint256 y) {
        if (!BN254.isOnCurve(v[0], v[1])) revert IFraudProof.InvalidOperand(0);
        if (v[2] >= BN254.R || v[3] != 0) revert IFraudProof.InvalidOperand(1);
        if (!BN254.isOnCurve(v[4], v[5])) revert IFraudProof.InvalidOperand(2);
        return BN254.mulAdd(v[0], v[1], v[2], v[4], v[5]);
    }
}
