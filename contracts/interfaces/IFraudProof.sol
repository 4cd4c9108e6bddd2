// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title One instruction of a claimed trace, judged
/// @notice A verifier is recorded as three lists of instructions: `init`, then `step` once for each proof, then `last`.
/// A claim's trace is the value of every instruction, in an indexed Merkle tree. Key, bundle and public words determine
/// every value, so a wrong trace has a first false position, and one call here proves it.
///
/// Stateless, and trusts its caller for the first two arguments: the key must hash to the one that the terms pin, roots
/// and public words must be the claim's.
///
/// `check` returns only on a computed difference or a failed check. Everything else reverts: an instruction or operand
/// that is not in its tree, a malformed instruction, an operand of the wrong type, a precompile that failed or was
/// starved. So a true instruction cannot be accused, whatever the gas; and a caller that swallows a revert must not
/// take it for a verdict.
///
/// Trees: leaf `keccak(TAG, 0, a, b)`, node `keccak(left, right)`, 32-byte words, tags their ASCII bytes as a number.
/// Leaf of an instruction list: `keccak(INSTR, index, head, imm0, imm1)`. The bits of the index choose the sides, and
/// depths are pinned, so that a path proves a position.
interface IFraudProof {
    /// @notice What a bounty pins about its verifier, by `keccak256(abi.encode(key))`.
    struct VerifierKey {
        /// @dev Roots of the lists' trees, each of depth `k`.
        bytes32 init;
        bytes32 step;
        bytes32 last;
        /// @dev Numbers of instructions, at most 2^k.
        uint32 initLength;
        uint32 stepLength;
        uint32 lastLength;
        /// @dev Segment t covers the trace positions from t * 2^k on.
        uint8 k;
        /// @dev P, the number of proofs: segment 0 is `init`, 1 … P are `step`, P + 1 is `last`.
        uint32 steps;
        /// @dev Words of the bundle from one segment's to the next.
        uint32 stride;
        uint8 bundleDepth;
        uint8 traceDepth;
    }

    /// @notice What the claim says; from the escrow, never from the accuser.
    struct Claimed {
        bytes32 bundleRoot;
        bytes32 traceRoot;
        /// @dev What PUB and PUBF read, by index.
        bytes32[] publicWords;
    }

    /// @notice A cell and its path, from the leaf's sibling upwards.
    struct Opening {
        uint256 a;
        uint256 b;
        bytes32[] path;
    }

    /// @notice A trace position said to be false.
    struct Accusation {
        uint256 position;
        /// @dev The claimed leaf itself, not its cell: a leaf that hides no cell at all is false too.
        bytes32 leaf;
        bytes32[] leafPath;
        /// @dev The instruction; all empty for a position that no list covers.
        uint256 head;
        uint256 imm0;
        uint256 imm1;
        bytes32[] instructionPath;
        /// @dev The bundle's cell for a load, else the operands in order; as many as the instruction has.
        Opening[] inputs;
    }

    /// @notice Why a position is false. OutsideLists: no instruction there, and the value is not (0, 0).
    enum Fault {
        None,
        WrongValue,
        OutsideLists,
        NotInField,
        NotOnCurve,
        NotEqual
    }

    /// @notice The trees of a claim that can be asked about.
    enum Tree {
        Bundle,
        Trace,
        Cipher
    }

    error TrueInstruction(uint256 position);
    error MalformedInstruction(uint256 head);
    error WrongInputCount(uint256 got, uint256 expected);
    error InvalidOperand(uint256 operand);
    error NotInTrace(uint256 position);
    error NotInList(uint256 index);
    error NotInBundle(uint256 cell);
    error NoSuchNode(Tree tree, uint256 level, uint256 index);
    error WrongAnswerLength(uint256 got, uint256 expected);
    error WrongAnswer();

    /// @notice Why the accused position is false; reverts if that isn't proven.
    function check(
        VerifierKey calldata key,
        Claimed calldata claimed,
        Accusation calldata accusation
    ) external view returns (Fault fault);

    /// @notice `keccak256(abi.encode(key))`, what the terms pin.
    function keyHashOf(VerifierKey calldata key) external pure returns (bytes32);

    /// @notice How many words answer the demand for node `index` of a level (0: the leaves). Reverts if the tree has no
    /// such node, so call it when the demand is made: what can't be answered must not be asked.
    ///
    /// Each tree has nodes that together say everything, and no others can be asked for. Bundle: those of level 7 (or the
    /// root, if that is lower), answered by all cells below, two words each. Trace: those of the levels depth, depth - 8, …,
    /// by the 256 nodes eight levels below, from level 7 down by all cells. Cipher: those of level 3 (or the root), by all
    /// rows below, 17 words each.
    /// @param depth The tree's; pinned by key or terms, never the demander's word.
    function answerLength(Tree tree, uint256 depth, uint256 level, uint256 index) external pure returns (uint256 words);

    /// @notice Reverts unless `words` is what lies below the demanded node.
    /// @param path From the demanded node's sibling up to the root: `depth - level` nodes.
    function checkAnswer(
        Tree tree,
        bytes32 root,
        uint256 depth,
        uint256 level,
        uint256 index,
        bytes32[] calldata words,
        bytes32[] calldata path
    ) external pure;
}
