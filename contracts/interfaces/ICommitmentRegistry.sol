// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Registry of commitments
/// @notice Where model cards, data sets and encryption keys are announced. Append-only: an entry is never changed or
/// removed, has no owner, and moves no money.
/// @dev An entry says that `publisher` announced `digest` at a time; it proves neither authorship nor availability.
/// Entries of different publishers don't touch each other, so nobody can squat on a digest.
interface ICommitmentRegistry {
    /// @notice What a digest stands for.
    enum Subject {
        Model,
        Data,
        Key
    }

    /// @notice An announcement. The URI is a hint where the card lies; its content is identified by the digest alone.
    event Published(Subject indexed subject, bytes32 indexed digest, address indexed publisher, string uri);

    /// @notice The digest is zero.
    error EmptyDigest();

    /// @notice Announces a digest. Repeating it emits another event (a further URI) and keeps the first time.
    function publish(Subject subject, bytes32 digest, string calldata uri) external;

    /// @notice When `publisher` first announced the digest (Unix seconds), or 0.
    function publishedAt(Subject subject, bytes32 digest, address publisher) external view returns (uint256);
}
