/**
 * WGSL of BN254 G1, y² = x³ + 3: points in homogeneous coordinates (X : Y : Z), with complete formulas: no branches, no exceptional cases, so that equal,
 * opposite and infinite points of whoever chose them need no thought. Source: J. Renes, C. Costello, L. Batina, "Complete addition formulas for prime
 * order elliptic curves" (2016), algorithms 7 and 8 for a = 0; 3b = 9. Doubling is an addition too: one formula keeps modules small.
 *
 * In memory a point is four elements: X, Y, Z and one that kernels may use. Zeros are the point at infinity, so that cleared memory is. Affine points are two
 * elements; zeros, which are not on the curve, are the point at infinity.
 */

/** Bytes of a point in homogeneous coordinates, and of an affine one. */
export const POINT = 128;
export const AFFINE = 64;

/**
 * Struct `P`; `identityP()`; `selectP(a, b, c)` is b where c; `addP(p, q)`, 12 products; `addAffineP(p, x, y)`, 11 products, of a finite point. Needs
 * the functions of the field Q. Products stand in loops whose operands move up, so that the code, which drivers inline, stays in instruction caches and is compiled soon.
 */
export const POINT_CODE = `
struct P { x: Q, y: Q, z: Q }
fn identityP() -> P { return P(zeroQ(), oneQ(), zeroQ()); }
fn selectP(a: P, b: P, c: bool) -> P { return P(selectQ(a.x, b.x, c), selectQ(a.y, b.y, c), selectQ(a.z, b.z, c)); }
fn addP(p: P, q: P) -> P {
  var a = p; var b = q;
  // Products of coordinates, and of sums of neighbouring ones.
  var own = p; var mixed = p;
  for (var k = 0u; k < 3u; k++) {
    own = P(own.y, own.z, mulQ(a.x, b.x));
    mixed = P(mixed.y, mixed.z, mulQ(addQ(a.x, a.y), addQ(b.x, b.y)));
    a = P(a.y, a.z, a.x);
    b = P(b.y, b.z, b.x);
  }
  for (var k = 0u; k < 3u; k++) {
    mixed = P(mixed.y, mixed.z, subQ(mixed.x, addQ(own.x, own.y)));
    own = P(own.y, own.z, own.x);
  }
  return sumP(own, mixed);
}
fn addAffineP(p: P, x: Q, y: Q) -> P {
  var own = P(p.x, p.y, p.z);
  var mixed = P(zeroQ(), p.x, p.y);
  var a = x; var b = y;
  for (var k = 0u; k < 2u; k++) {
    own = P(own.y, mulQ(own.x, a), p.z);
    mixed = P(zeroQ(), mixed.z, addQ(mixed.y, mulQ(p.z, a)));
    let c = a; a = b; b = c;
  }
  mixed = P(subQ(mulQ(addQ(x, y), addQ(p.x, p.y)), addQ(own.x, own.y)), mixed.z, mixed.y);
  return sumP(own, mixed);
}
// From X1·X2, Y1·Y2, Z1·Z2 and X1·Y2 + X2·Y1, Y1·Z2 + Y2·Z1, X1·Z2 + X2·Z1.
fn sumP(own: P, mixed: P) -> P {
  var z = own.z; var xz = mixed.z;
  for (var k = 0u; k < 3u; k++) { z = doubleQ(z); xz = doubleQ(xz); }
  z = addQ(z, own.z); xz = addQ(xz, mixed.z);
  // Products of neighbours of two lists: X3, Y3, Z3 are the sums.
  var a = P(mixed.x, subQ(own.y, z), addQ(own.y, z));
  var b = P(negQ(mixed.y), xz, addQ(doubleQ(own.x), own.x));
  var sum = own;
  for (var k = 0u; k < 3u; k++) {
    sum = P(sum.y, sum.z, addQ(mulQ(a.x, a.y), mulQ(b.x, b.y)));
    a = P(a.y, a.z, mixed.y);
    b = P(b.y, b.z, mixed.x);
  }
  return sum;
}`;

/** `loadP_<slot>(i)` of point i; `storeP_<slot>(i, p)` where it is written. */
export const pointAccess = (slot: string, written: boolean): string => `
fn loadP_${slot}(i: u32) -> P {
  let z = loadQ_${slot}(4u * i + 2u);
  return P(loadQ_${slot}(4u * i), selectQ(loadQ_${slot}(4u * i + 1u), oneQ(), isZeroQ(z)), z);
}${
  written
    ? `
fn storeP_${slot}(i: u32, p: P) {
  storeQ_${slot}(4u * i, p.x);
  storeQ_${slot}(4u * i + 1u, p.y);
  storeQ_${slot}(4u * i + 2u, p.z);
}`
    : ''
}`;
