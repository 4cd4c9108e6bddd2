export { fused } from './field';
export { setThread } from './shared';
export { addOuter, bind, bindInts, eqChunk, eqSuffixes, fillVector, gather, intsToField, outer, scaleVector } from './vector';
export { clearAbove, combine, dotColumns, dotRows, scatterAdd, splitWeights } from './contract';
export { layerRound, layerTables, leaves, parents, productRound, productRoundInts } from './sumcheck';
export { addPoints, commitRows, msmWindows } from './msm';
export { keccak } from './keccak';
