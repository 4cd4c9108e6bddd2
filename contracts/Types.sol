// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a bounty pays for.
enum Kind {
    Training,
    Outcome,
    Compatibility
}

/// @notice What releases the reward: a verdict of attesters, an undisturbed challenge window, or either.
enum Rule {
    Attested,
    Optimistic,
    Both
}

/// @notice An affine point of BN254 G1; (0, 0) stands for none.
struct Point {
    uint256 x;
    uint256 y;
}

/// @notice A bounty's terms, chosen by the poster. Times are Unix seconds, durations seconds, bond and attesterFee wei.
struct Terms {
    /// @dev Who funds the bounty, and gets it back if nobody is paid.
    address poster;
    Kind kind;
    /// @dev ERC-20 of the reward; the zero address is the chain's native coin.
    address token;
    uint256 reward;
    /// @dev What each claimant puts down with a claim.
    uint256 bond;
    /// @dev What each signer of the verdict that led to the payment earns.
    uint256 attesterFee;
    Rule rule;
    /// @dev Attesters in strictly ascending order, at most 16.
    address[] signers;
    /// @dev How many of the signers a verdict needs.
    uint16 threshold;
    /// @dev Key of the recorded verifier program; unused under Attested.
    bytes32 verifierKey;
    bytes32 modelDigest;
    bytes32 dataDigest;
    /// @dev keccak(abi.encode(program hash, steps, stepsPerProof, schedule hash)).
    bytes32 recipeHash;
    /// @dev T, the number of training steps.
    uint32 steps;
    /// @dev g, the number of steps in one proof; divides `steps`.
    uint32 stepsPerProof;
    /// @dev Digest of the state that the training starts from.
    bytes32 startDigest;
    /// @dev Names of the values that a claim announces; each value is an element of the scalar field.
    bytes32[] announces;
    /// @dev Whether the claim's root covers the optimizer's moments too.
    bool fullState;
    /// @dev D of the delivery, or none.
    Point deliveryKey;
    /// @dev Claims are taken before this time, a refund from it on.
    uint64 claimBy;
    /// @dev How long a claim waits for a verdict (or a challenge).
    uint64 window;
    uint64 answer;
    uint64 react;
    uint64 reserveFor;
    uint64 revealFor;
    uint64 complainFor;
    /// @dev Largest bundle, in bytes, that the attesters fetch.
    uint64 maxBundle;
    /// @dev Makes otherwise equal terms distinct.
    bytes32 salt;
}

/// @notice A claim's content, chosen by the claimant.
struct Body {
    /// @dev Root of the bundle, which is the bundle's identity.
    bytes32 bundleRoot;
    /// @dev Root of the verifier's trace; unused under Attested.
    bytes32 traceRoot;
    /// @dev Digest of the last proof.
    bytes32 lastProof;
    /// @dev Root of the final adapter, or of the full state where the terms ask for it.
    bytes32 adapterRoot;
    /// @dev The announced values, in the order of `Terms.announces`.
    uint256[] announced;
    bytes32 cipherRoot;
    bytes32 keyHash;
    /// @dev E of the delivery, or none.
    Point ephemeralKey;
    /// @dev Makes otherwise equal claims distinct.
    bytes32 nonce;
    /// @dev Hints where the bundle lies.
    string[] uris;
}
