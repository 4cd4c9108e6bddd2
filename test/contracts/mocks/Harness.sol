// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IFraudProof} from "../../../contracts/interfaces/IFraudProof.sol";
import {BN254} from "../../../contracts/libraries/BN254.sol";
import {IndexedMerkle} from "../../../contracts/libraries/IndexedMerkle.sol";
import {Instruction} from "../../../contracts/libraries/Instruction.sol";
import {PedersenRow} from "../../../contracts/libraries/PedersenRow.sol";

/// The libraries of the checkers, called with memory full of ones beyond the free pointer: none may rely on zeros there.
contract Harness {
    modifier dirty() {
        assembly ("memory-safe") {
            let m := mload(0x40)
            for {
                let i := 0
            } lt(i, 0x8000) {
                i := add(i, 0x20)
            } {
                mstore(add(m, i), not(0))
            }
            mstore(0, not(0))
            mstore(0x20, not(0))
        }
        _;
    }

    function mulAdd(
        uint256 px,
        uint256 py,
        uint256 scalar,
        uint256 ax,
        uint256 ay
    ) external view dirty returns (uint256 x, uint256 y) {
        return BN254.mulAdd(px, py, scalar, ax, ay);
    }

    function isOnCurve(uint256 x, uint256 y) external pure returns (bool) {
        return BN254.isOnCurve(x, y);
    }

    function commit(
        address generators,
        bytes memory row
    ) external view dirty returns (uint256 ux, uint256 uy, uint256 sx, uint256 sy) {
        return PedersenRow.commit(generators, row);
    }

    function instructionLeaf(
        uint256 index,
        uint256 head,
        uint256 imm0,
        uint256 imm1
    ) external pure dirty returns (bytes32) {
        return Instruction.leaf(index, head, imm0, imm1);
    }

    function evaluate(
        uint256 head,
        uint256 imm0,
        uint256 imm1,
        uint256[6] memory v
    ) external view dirty returns (IFraudProof.Fault fault, uint256 a, uint256 b) {
        (uint256 op, ) = Instruction.decode(head, imm0, imm1);
        return Instruction.evaluate(op, imm0, imm1, v);
    }

    function cellLeaf(uint256 tag, uint256 a, uint256 b) external pure dirty returns (bytes32) {
        return IndexedMerkle.leaf(tag, a, b);
    }

    function climb(
        bytes32 node,
        uint256 index,
        bytes32[] calldata path,
        uint256 depth
    ) external pure dirty returns (bytes32) {
        return IndexedMerkle.climb(node, index, path, depth);
    }

    /// A call with exactly this much gas, which a transaction cannot have: its calldata alone costs more. And what it used.
    function callWith(
        uint256 gas_,
        address to,
        bytes calldata data
    ) external view returns (bool ok, bytes memory answer, uint256 used) {
        bytes memory copy = data;
        used = gasleft();
        (ok, answer) = to.staticcall{gas: gas_}(copy);
        used -= gasleft();
    }
}
