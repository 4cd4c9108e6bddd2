export { fused } from './field';
export { setThread } from './shared';
export { addOuter, bind, bindInts, eqChunk, eqSuffixes, fillVector, intsToField, outer, scaleVector } from './vector';
export { clearAbove, combine, dotColumns, dotRows, scatterAdd, splitWeights } from './contract';
export { foldHalves, formRound } from './form';
export { productRound, productRoundInts } from './sumcheck';
export { bindCells, layerRound, leafBind, leafParents, leafRound, parents } from './tree';
export { addPoints, commitRows, msmWindows } from './msm';
export { keccak } from './keccak';
