// @ts-check
// The clock in Porthole's test picture: 72 bits as black and white blocks in two rows at
// the top, 36 in each, most significant first: 52 bits Unix time in microseconds, 12 bits
// picture number, 8 bits checksum. A block is a fortieth of the picture wide, and as high,
// rounded up to an even number. Pure.

const COLUMNS = 40;
const BITS = 36;
const SALT = 0xa5n;

/**
 * The rows that the clock takes of a picture.
 * @param {number} width of the picture, pixels
 * @returns {{ block: number, row: number, height: number }} the width of a block, the height
 *   of a row, and that of both; zeros where the picture is too small
 */
export function stampArea(width) {
  const block = Math.floor(width / COLUMNS);
  const row = block + (block % 2);
  return { block, row, height: 2 * row };
}

/**
 * Reads the clock.
 * @param {{ width: number, data: ArrayLike<number> }} image the top rows as RGBA, in the size
 *   of the picture
 * @returns {{ time: number, number: number } | undefined} ms since the epoch, with
 *   microseconds behind the point, and the picture's number modulo 4096; undefined where
 *   the checksum says that this is no clock
 */
export function readStamp({ width, data }) {
  const { block, row, height } = stampArea(width);
  if (block === 0 || data.length < 4 * width * height) return undefined;
  let bits = 0n;
  for (let line = 0; line < 2; line += 1) {
    const y = line * row + (row >> 1);
    for (let column = 0; column < BITS; column += 1) {
      const x = column * block + (block >> 1);
      // Green has most of the light.
      bits = (bits << 1n) | (data[4 * (y * width + x) + 1] >= 128 ? 1n : 0n);
    }
  }
  const body = bits >> 8n;
  let sum = SALT;
  for (let shift = 0n; shift < 64n; shift += 8n) sum ^= (body >> shift) & 0xffn;
  if (sum !== (bits & 0xffn)) return undefined;
  return { time: Number(body >> 12n) / 1000, number: Number(body & 0xfffn) };
}
