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
 * the functions of the field Q.
 */
export const POINT_CODE = `
struct P { x: Q, y: Q, z: Q }
fn identityP() -> P { return P(zeroQ(), oneQ(), zeroQ()); }
fn selectP(a: P, b: P, c: bool) -> P { return P(selectQ(a.x, b.x, c), selectQ(a.y, b.y, c), selectQ(a.z, b.z, c)); }
fn nineQ(a: Q) -> Q { return addQ(doubleQ(doubleQ(doubleQ(a))), a); }
fn addP(p: P, q: P) -> P {
  let xx = mulQ(p.x, q.x);
  let yy = mulQ(p.y, q.y);
  let zz = mulQ(p.z, q.z);
  let xy = subQ(mulQ(addQ(p.x, p.y), addQ(q.x, q.y)), addQ(xx, yy));
  let yz = subQ(mulQ(addQ(p.y, p.z), addQ(q.y, q.z)), addQ(yy, zz));
  let xz = subQ(mulQ(addQ(p.x, p.z), addQ(q.x, q.z)), addQ(xx, zz));
  return sumP(xx, yy, nineQ(zz), xy, yz, nineQ(xz));
}
fn addAffineP(p: P, x: Q, y: Q) -> P {
  let xx = mulQ(p.x, x);
  let yy = mulQ(p.y, y);
  let xy = subQ(mulQ(addQ(x, y), addQ(p.x, p.y)), addQ(xx, yy));
  let yz = addQ(mulQ(y, p.z), p.y);
  let xz = addQ(mulQ(x, p.z), p.x);
  return sumP(xx, yy, nineQ(p.z), xy, yz, nineQ(xz));
}
// From X1·X2, Y1·Y2, 9·Z1·Z2, X1·Y2 + X2·Y1, Y1·Z2 + Y2·Z1, 9·(X1·Z2 + X2·Z1).
fn sumP(xx: Q, yy: Q, zz: Q, xy: Q, yz: Q, xz: Q) -> P {
  let x3 = addQ(doubleQ(xx), xx);
  let plus = addQ(yy, zz);
  let minus = subQ(yy, zz);
  return P(subQ(mulQ(xy, minus), mulQ(yz, xz)), addQ(mulQ(minus, plus), mulQ(xz, x3)), addQ(mulQ(plus, yz), mulQ(x3, xy)));
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
