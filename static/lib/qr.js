// @ts-check
// QR codes (ISO/IEC 18004) of texts as long as addresses are: byte mode, error correction
// level M, versions 1 to 20. Pure.

/** Error correction codewords of each block, and blocks, by version from 1; level M. */
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];

/** The level's two bits in the format information. */
const LEVEL_M = 0;

/** @typedef {boolean[][]} Matrix rows of modules, true is dark; without the quiet zone */

/**
 * @param {string} text
 * @returns {Matrix}
 * @throws {RangeError} when the text is longer than about 660 bytes
 */
export function encode(text) {
  const bytes = [...new TextEncoder().encode(text)];
  let version = 1;
  while (version <= CORRECTION.length && bytes.length > capacity(version)) version += 1;
  if (version > CORRECTION.length) throw new RangeError('the text is too long for this QR code');
  const codewords = interleave(withHeader(bytes, version), version);
  /** @type {{ matrix: Matrix, penalty: number } | undefined} */
  let best;
  for (let mask = 0; mask < 8; mask += 1) {
    const matrix = draw(version, codewords, mask);
    const penalty = penaltyOf(matrix);
    if (!best || penalty < best.penalty) best = { matrix, penalty };
  }
  return /** @type {{ matrix: Matrix }} */ (best).matrix;
}

/** Bits that are left for codewords when all patterns are drawn. @param {number} version */
function rawBits(version) {
  let bits = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    bits -= (25 * aligned - 10) * aligned - 55;
    if (version >= 7) bits -= 36;
  }
  return bits;
}

/** @param {number} version */
function dataCodewords(version) {
  return Math.floor(rawBits(version) / 8) - CORRECTION[version - 1] * BLOCKS[version - 1];
}

/** How many bytes of text a version holds. @param {number} version */
function capacity(version) {
  return dataCodewords(version) - (version < 10 ? 2 : 3);
}

/**
 * Mode, length, text, end and padding.
 * @param {number[]} bytes
 * @param {number} version
 * @returns {number[]} codewords
 */
function withHeader(bytes, version) {
  /** @type {number[]} */
  const bits = [0, 1, 0, 0];
  /** @param {number} value @param {number} length */
  const push = (value, length) => {
    for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
  };
  push(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  const room = dataCodewords(version) * 8;
  push(0, Math.min(4, room - bits.length));
  push(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) push(pad, 8);
  return Array.from({ length: room / 8 }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(''), 2));
}

/**
 * Cuts the codewords into blocks, adds each block's correction and takes turns among them.
 * @param {number[]} data
 * @param {number} version
 */
function interleave(data, version) {
  const count = BLOCKS[version - 1];
  const correction = CORRECTION[version - 1];
  const total = Math.floor(rawBits(version) / 8);
  const short = Math.floor(total / count) - correction; // data codewords of a short block
  const shortBlocks = count - (total % count);
  const divisor = generator(correction);
  /** @type {number[][]} */
  const blocks = [];
  /** @type {number[][]} */
  const corrections = [];
  for (let i = 0, at = 0; i < count; i += 1) {
    const length = short + (i < shortBlocks ? 0 : 1);
    const block = data.slice(at, at + length);
    at += length;
    blocks.push(block);
    corrections.push(remainder(block, divisor));
  }
  const result = [];
  for (let i = 0; i <= short; i += 1) for (const block of blocks) if (i < block.length) result.push(block[i]);
  for (let i = 0; i < correction; i += 1) for (const block of corrections) result.push(block[i]);
  return result;
}

/** A product in GF(2^8) with the code's polynomial. @param {number} x @param {number} y */
function multiply(x, y) {
  let z = 0;
  for (let i = 7; i >= 0; i -= 1) z = ((z << 1) ^ ((z >> 7) * 0x11d)) ^ (((y >> i) & 1) * x);
  return z;
}

/** The Reed-Solomon generator polynomial, without its leading 1. @param {number} degree */
function generator(degree) {
  /** @type {number[]} */
  const result = Array.from({ length: degree }, (_, i) => (i === degree - 1 ? 1 : 0));
  let root = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1) result[j] = multiply(result[j], root) ^ (result[j + 1] ?? 0);
    root = multiply(root, 2);
  }
  return result;
}

/** @param {number[]} data @param {number[]} divisor */
function remainder(data, divisor) {
  const result = divisor.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ /** @type {number} */ (result.shift());
    result.push(0);
    divisor.forEach((coefficient, i) => { result[i] ^= multiply(coefficient, factor); });
  }
  return result;
}

/** The eight masks, by column x and row y. */
const masks = [
  /** @type {(x: number, y: number) => boolean} */ (x, y) => (x + y) % 2 === 0,
  /** @type {(x: number, y: number) => boolean} */ (_, y) => y % 2 === 0,
  /** @type {(x: number, y: number) => boolean} */ (x) => x % 3 === 0,
  /** @type {(x: number, y: number) => boolean} */ (x, y) => (x + y) % 3 === 0,
  /** @type {(x: number, y: number) => boolean} */ (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  /** @type {(x: number, y: number) => boolean} */ (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  /** @type {(x: number, y: number) => boolean} */ (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  /** @type {(x: number, y: number) => boolean} */ (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** @param {number} version @param {number[]} codewords @param {number} mask @returns {Matrix} */
function draw(version, codewords, mask) {
  const size = 17 + 4 * version;
  /** @type {(boolean | undefined)[][]} undefined: free for data */
  const grid = Array.from({ length: size }, () => Array(size).fill(undefined));
  /** @param {number} x @param {number} y @param {boolean} dark */
  const set = (x, y, dark) => {
    // Finders reach over the edge by their white border.
    if (x >= 0 && x < size && y >= 0 && y < size) grid[y][x] = dark;
  };
  patterns(version, size, set);
  format(mask, size, set);
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5; // the timing pattern's column has no data
    for (let step = 0; step < size; step += 1) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (grid[y][x] !== undefined) continue;
        const dark = ((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7)) & 1) === 1;
        bit += 1;
        grid[y][x] = dark !== masks[mask](x, y);
      }
    }
  }
  return /** @type {Matrix} */ (grid);
}

/** Finders, timing, alignment and version. @param {number} version @param {number} size @param {(x: number, y: number, dark: boolean) => void} set */
function patterns(version, size, set) {
  for (let i = 0; i < size; i += 1) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let dy = -4; dy <= 4; dy += 1) {
      for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        set(cx + dx, cy + dy, ring !== 2 && ring !== 4);
      }
    }
  }
  const centres = alignment(version, size);
  const last = centres.length - 1;
  centres.forEach((cx, i) => centres.forEach((cy, j) => {
    if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
    for (let dy = -2; dy <= 2; dy += 1) {
      for (let dx = -2; dx <= 2; dx += 1) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }
  }));
  if (version < 7) return;
  let rest = version;
  for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i += 1) {
    const dark = ((bits >> i) & 1) === 1;
    set(size - 11 + (i % 3), Math.floor(i / 3), dark);
    set(Math.floor(i / 3), size - 11 + (i % 3), dark);
  }
}

/** Where the alignment patterns have their centres. @param {number} version @param {number} size */
function alignment(version, size) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((size - 13) / (2 * count - 2)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => size - 7 - step * (count - 2 - i))];
}

/** Level and mask, twice. @param {number} mask @param {number} size @param {(x: number, y: number, dark: boolean) => void} set */
function format(mask, size, set) {
  const data = (LEVEL_M << 3) | mask;
  let rest = data;
  for (let i = 0; i < 10; i += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((data << 10) | rest) ^ 0x5412;
  /** @param {number} i */
  const bit = (i) => ((bits >> i) & 1) === 1;
  for (let i = 0; i <= 5; i += 1) set(8, i, bit(i));
  set(8, 7, bit(6));
  set(8, 8, bit(7));
  set(7, 8, bit(8));
  for (let i = 9; i < 15; i += 1) set(14 - i, 8, bit(i));
  for (let i = 0; i < 8; i += 1) set(size - 1 - i, 8, bit(i));
  for (let i = 8; i < 15; i += 1) set(8, size - 15 + i, bit(i));
  set(8, size - 8, true);
}

/** How hard a code is to read: runs, blocks, what looks like a finder, imbalance. @param {Matrix} matrix */
function penaltyOf(matrix) {
  const size = matrix.length;
  const columns = matrix[0].map((_, x) => matrix.map((row) => row[x]));
  let penalty = 0;
  for (const line of [...matrix, ...columns]) {
    const text = line.map((dark) => (dark ? '1' : '0')).join('');
    for (const run of text.match(/1{5,}|0{5,}/g) ?? []) penalty += run.length - 2;
    for (const likeFinder of ['10111010000', '00001011101']) {
      for (let at = text.indexOf(likeFinder); at >= 0; at = text.indexOf(likeFinder, at + 1)) penalty += 40;
    }
  }
  let dark = 0;
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      if (matrix[y][x]) dark += 1;
      if (x === 0 || y === 0) continue;
      const same = matrix[y][x];
      if (same === matrix[y][x - 1] && same === matrix[y - 1][x] && same === matrix[y - 1][x - 1]) penalty += 3;
    }
  }
  return penalty + 10 * Math.floor(Math.abs((dark * 20) / (size * size) - 10));
}
