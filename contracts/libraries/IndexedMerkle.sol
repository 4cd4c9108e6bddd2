// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Merkle trees that bind positions
/// @notice Leaf `keccak(tag, 0, a, b)`, node `keccak(left, right)`, words of 32 bytes. The bits of the index choose the
/// sides, and the depth is the caller's, never the path's; a leaf hashes four words and a node two, so neither passes for
/// the other.
library IndexedMerkle {
    error WrongPathLength(uint256 got, uint256 depth);
    error IndexOutOfRange(uint256 index, uint256 depth);

    /// @notice The leaf of a cell.
    function leaf(uint256 tag, uint256 a, uint256 b) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, tag)
            mstore(add(m, 0x20), 0)
            mstore(add(m, 0x40), a)
            mstore(add(m, 0x60), b)
            hash := keccak256(m, 0x80)
        }
    }

    /// @notice The root above `node`, the one with this index among the 2^depth nodes of its level.
    /// @param path Siblings upwards; exactly `depth`.
    function climb(
        bytes32 node,
        uint256 index,
        bytes32[] calldata path,
        uint256 depth
    ) internal pure returns (bytes32 root) {
        if (path.length != depth) revert WrongPathLength(path.length, depth);
        if (depth > 255 || index >> depth != 0) revert IndexOutOfRange(index, depth);
        root = node;
        assembly ("memory-safe") {
            let end := add(path.offset, shl(5, depth))
            for {
                let at := path.offset
            } lt(at, end) {
                at := add(at, 0x20)
            } {
                let side := shl(5, and(index, 1))
                mstore(side, root)
                mstore(xor(side, 0x20), calldataload(at))
                root := keccak256(0, 0x40)
                index := shr(1, index)
            }
        }
    }

    /// @notice The node above a power of two of nodes.
    function fold(bytes32[] memory nodes) internal pure returns (bytes32 root) {
        assembly ("memory-safe") {
            let m := add(nodes, 0x20)
            for {
                let n := shr(1, mload(nodes))
            } n {
                n := shr(1, n)
            } {
                for {
                    let i := 0
                } lt(i, n) {
                    i := add(i, 1)
                } {
                    mstore(add(m, shl(5, i)), keccak256(add(m, shl(6, i)), 0x40))
                }
            }
            root := mload(m)
        }
    }

    /// @notice The leaves of cells that are given as two words each.
    function leavesOf(uint256 tag, bytes32[] calldata words) internal pure returns (bytes32[] memory leaves) {
        uint256 count = words.length / 2;
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = leaf(tag, uint256(words[2 * i]), uint256(words[2 * i + 1]));
        }
    }

    /// @notice The leaves of rows that are given as `length` words each: their cells are (keccak(row), 0).
    function rowLeavesOf(
        uint256 tag,
        bytes32[] calldata words,
        uint256 length
    ) internal pure returns (bytes32[] memory leaves) {
        uint256 count = words.length / length;
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 hash = 0;
            assembly ("memory-safe") {
                let m := mload(0x40)
                let size := shl(5, length)
                calldatacopy(m, add(words.offset, mul(i, size)), size)
                hash := keccak256(m, size)
            }
            leaves[i] = leaf(tag, hash, 0);
        }
    }
}
