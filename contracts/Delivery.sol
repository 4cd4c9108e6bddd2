// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "./Types.sol";
import {IDelivery} from "./interfaces/IDelivery.sol";
import {BN254} from "./libraries/BN254.sol";
import {IndexedMerkle} from "./libraries/IndexedMerkle.sol";
import {PedersenRow} from "./libraries/PedersenRow.sol";

/// @title Complaints about a delivered row
/// @notice See `IDelivery`.
contract Delivery is IDelivery {
    /// @dev keccak of the code of `Generators`: the points of `verifier/generators.ts`.
    bytes32 private constant GENERATORS_HASH = 0x2380ce5e16d7be0f6b565a32edeefc040f4afe2fe99ac6323f4c60d1bc7418ed;
    uint256 private constant ROW = uint256(uint24(bytes3("ROW")));
    uint256 private constant CIPHER = uint256(uint48(bytes6("CIPHER")));
    uint256 private constant DLEQ = uint256(uint32(bytes4("DLEQ")));
    uint256 private constant KEY = uint256(uint24(bytes3("KEY")));

    /// @inheritdoc IDelivery
    address public immutable GENERATORS;

    /// @notice Takes the deployed `Generators`, or anything with the same code.
    constructor(address generators) {
        if (generators.codehash != GENERATORS_HASH) revert WrongGenerators(generators);
        GENERATORS = generators;
    }

    /// @inheritdoc IDelivery
    function check(Delivered calldata delivered, Complaint calldata complaint) external view returns (Fault) {
        uint256 index = complaint.index;
        uint256 depth = delivered.depth;
        if (complaint.row.length != PedersenRow.ROW_BYTES) {
            revert WrongRowLength(complaint.row.length, PedersenRow.ROW_BYTES);
        }
        bytes32 leaf = IndexedMerkle.leaf(CIPHER, uint256(keccak256(complaint.row)), 0);
        if (IndexedMerkle.climb(leaf, index, complaint.rowPath, depth) != delivered.cipherRoot) {
            revert NotInCipher(index);
        }
        leaf = IndexedMerkle.leaf(ROW, complaint.commitment.x, complaint.commitment.y);
        if (IndexedMerkle.climb(leaf, index, complaint.commitmentPath, depth) != delivered.adapterRoot) {
            revert NotInAdapter(index);
        }
        _checkShared(delivered, complaint);

        bytes memory row = _decrypt(delivered, complaint);
        if (PedersenRow.blindOf(row) >= BN254.R) return Fault.BlindOutOfField;
        (uint256 ux, uint256 uy, uint256 sx, uint256 sy) = PedersenRow.commit(GENERATORS, row);
        (uint256 x, uint256 y) = (complaint.commitment.x, complaint.commitment.y);
        if ((x == ux && y == uy) || (x == sx && y == sy)) revert TrueRow(index);
        return Fault.WrongRow;
    }

    /// @inheritdoc IDelivery
    function keyHashOf(bytes32 bountyId, address claimant, bytes32 key) external pure returns (bytes32) {
        return keccak256(abi.encode(KEY, bountyId, claimant, key));
    }

    /// @dev Chaum–Pedersen with the challenge instead of the commitments; see `IDelivery.Complaint`.
    function _checkShared(Delivered calldata delivered, Complaint calldata complaint) private view {
        Point calldata d = delivered.deliveryKey;
        Point calldata e = delivered.ephemeralKey;
        Point calldata shared = complaint.shared;
        if (!BN254.isFinite(d.x, d.y) || !BN254.isFinite(e.x, e.y) || !BN254.isFinite(shared.x, shared.y)) {
            revert InvalidPoint();
        }
        // A canonical response, and a challenge as short as the hash: a proof has one form.
        if (complaint.response >= BN254.R || complaint.challenge >> 248 != 0) revert WrongSharedPoint();
        uint256 minus = BN254.R - complaint.challenge;
        (uint256 ax, uint256 ay) = BN254.mulAdd(d.x, d.y, minus, 0, 0);
        (ax, ay) = BN254.mulAdd(1, 2, complaint.response, ax, ay);
        (uint256 bx, uint256 by) = BN254.mulAdd(shared.x, shared.y, minus, 0, 0);
        (bx, by) = BN254.mulAdd(e.x, e.y, complaint.response, bx, by);
        bytes32 hash = keccak256(abi.encode(DLEQ, delivered.claimId, d, e, shared, ax, ay, bx, by));
        if (uint256(hash) >> 8 != complaint.challenge) revert WrongSharedPoint();
    }

    /// @dev The row under its masks keccak(K, S, nonce, i, j).
    function _decrypt(
        Delivered calldata delivered,
        Complaint calldata complaint
    ) private pure returns (bytes memory row) {
        row = complaint.row;
        bytes32 secret = keccak256(abi.encode(complaint.shared.x, complaint.shared.y));
        bytes32 key = delivered.key;
        bytes32 nonce = delivered.nonce;
        uint256 index = complaint.index;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, key)
            mstore(add(m, 0x20), secret)
            mstore(add(m, 0x40), nonce)
            mstore(add(m, 0x60), index)
            let at := add(row, 0x20)
            for {
                let j := 0
            } lt(j, 17) {
                j := add(j, 1)
            } {
                mstore(add(m, 0x80), j)
                mstore(at, xor(mload(at), keccak256(m, 0xa0)))
                at := add(at, 0x20)
            }
        }
    }
}
