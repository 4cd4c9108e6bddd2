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
    /// @dev What each claimant puts down, with a reservation, an entry or the claim.
    uint256 bond;
    /// @dev What each signer of the verdict that led to the payment earns.
    uint256 attesterFee;
    /// @dev What a demand costs; the claimant earns it with the answer. 0: no demands.
    uint256 demandFee;
    /// @dev What the poster loses to the entrants by not disclosing the inputs; 0 for training.
    uint256 disclosureBond;
    Rule rule;
    /// @dev Attesters in strictly ascending order, at most 16.
    address[] signers;
    /// @dev How many of the signers a verdict needs.
    uint16 threshold;
    /// @dev Key of the recorded verifier program, `keccak256(abi.encode(IFraudProof.VerifierKey))`; 0 under Attested.
    bytes32 verifierKey;
    bytes32 modelDigest;
    bytes32 dataDigest;
    /// @dev keccak(abi.encode(program hash, steps, stepsPerProof, schedule hash)).
    bytes32 recipeHash;
    /// @dev T, the number of training steps.
    uint32 steps;
    /// @dev g, the number of steps in one proof; divides `steps`.
    uint32 stepsPerProof;
    /// @dev Digest of the state that the training starts from; of a milestone, what the last one's claim ended at.
    bytes32 startDigest;
    /// @dev keccak(abi.encode(digest, salt)) of the test inputs that `disclose` shows; 0 for training.
    bytes32 inputsCommitment;
    /// @dev Names of the values that a claim announces; each value is an element of the scalar field.
    bytes32[] announces;
    /// @dev Whether the claim's root covers the optimizer's moments too.
    bool fullState;
    /// @dev D of the delivery, or none.
    Point deliveryKey;
    /// @dev Depth of the trees of delivered and encrypted rows; 0 without delivery.
    uint8 deliveryDepth;
    /// @dev Entries are taken before this time, inputs disclosed from it on; 0 for training.
    uint64 enterBy;
    /// @dev Inputs are disclosed before this time; 0 for training.
    uint64 discloseBy;
    /// @dev Claims are taken before this time, a refund from it on.
    uint64 claimBy;
    /// @dev How long a claim waits for a verdict (or a challenge).
    uint64 window;
    /// @dev How long a demand waits for its answer.
    uint64 answer;
    /// @dev How long an answer can be acted upon before the claim goes on.
    uint64 react;
    /// @dev How long a reservation keeps others from claiming; 0: none are taken.
    uint64 reserveFor;
    /// @dev How long an accepted claim's key may stay hidden.
    uint64 revealFor;
    /// @dev How long the poster may complain about what the key opened.
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
    /// @dev Root of the encrypted rows, or 0.
    bytes32 cipherRoot;
    /// @dev keccak(KEY, bountyId, claimant, K) of the key that `reveal` shows, or 0.
    bytes32 keyHash;
    /// @dev E of the delivery, or none.
    Point ephemeralKey;
    /// @dev Makes otherwise equal claims distinct.
    bytes32 nonce;
    /// @dev Hints where the bundle lies; at most 4, of 512 bytes together.
    string[] uris;
}
