// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "../Types.sol";

/// @title Complaints about a delivered row
/// @notice The final adapter lies in rows of 256 limbs of 16 bits; `adapterRoot` is the tree over their Pedersen
/// commitments (leaf `keccak(ROW, 0, x, y)`), and the claimant's proof binds it to the training run. `cipherRoot` is the
/// tree over the encrypted rows (leaf `keccak(CIPHER, 0, keccak(row), 0)`), equally deep; a row that is no part of the
/// adapter is all zero, its blind too, and its commitment (0, 0).
///
/// Plain row: 256 limbs of two bytes, big endian, then the blind: 544 bytes. A row holds low limbs alone, which are
/// unsigned, or top limbs alone, which are signed; it is right if either reading opens the commitment, since its
/// receiver can try both. Block j of row i (32 bytes) is masked by `keccak(K, S, nonce, i, j)`, where K is the
/// claimant's revealed key and `S = keccak(x, y)` of the point `d * E = e * D`.
///
/// Stateless, and trusts its caller for the first argument: everything in it must be the terms' or the claim's.
/// `check` returns only if the row is proven wrong. Everything else reverts, a true row above all.
interface IDelivery {
    /// @notice What was delivered; from the escrow, never from the complainant.
    struct Delivered {
        /// @dev Binds the proof that the shared point is right.
        bytes32 claimId;
        bytes32 adapterRoot;
        bytes32 cipherRoot;
        /// @dev Of both trees; pinned by the terms, like the number of rows.
        uint256 depth;
        /// @dev K, revealed: `keyHashOf` must have given the claim's key hash.
        bytes32 key;
        bytes32 nonce;
        /// @dev D of the poster and E of the claimant, finite points of the curve: check them when they are given.
        Point deliveryKey;
        Point ephemeralKey;
    }

    /// @notice A row said to be wrong.
    struct Complaint {
        uint256 index;
        /// @dev The encrypted row.
        bytes row;
        bytes32[] rowPath;
        Point commitment;
        bytes32[] commitmentPath;
        /// @dev d * E, and a proof that its logarithm to E is that of D to the base point (1, 2): with
        /// A = response * (1, 2) - challenge * D and B = response * E - challenge * shared,
        /// challenge = keccak(DLEQ, claimId, D, E, shared, A, B) >> 8.
        Point shared;
        uint256 challenge;
        uint256 response;
    }

    /// @notice Why a row is wrong.
    enum Fault {
        None,
        WrongRow,
        BlindOutOfField
    }

    error WrongGenerators(address generators);
    error TrueRow(uint256 index);
    error WrongRowLength(uint256 got, uint256 expected);
    error NotInCipher(uint256 index);
    error NotInAdapter(uint256 index);
    error InvalidPoint();
    error WrongSharedPoint();

    /// @notice The contract whose code is the list of generators.
    function GENERATORS() external view returns (address);

    /// @notice Why the row is wrong; reverts if that isn't proven. At most 2.5 million gas.
    function check(Delivered calldata delivered, Complaint calldata complaint) external view returns (Fault fault);

    /// @notice What a claim publishes of K: `keccak(KEY, bountyId, claimant, K)`.
    function keyHashOf(bytes32 bountyId, address claimant, bytes32 key) external pure returns (bytes32);
}
