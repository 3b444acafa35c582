// QR codes against those of another encoder (npm qrcode 1.5.4, byte mode, level M), whose
// rows are written here as hexadecimal numbers: versions 1, 3 and 9.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encode } from '../lib/qr.js';

const known = [
  ['HELLO', '1fda7f 104d41 174f5d 17525d 17515d 105641 1fd57f 1f00 117ef9 3972f 165672 1c88d0 5c9c6 1dcb 1fd98a 104322 175275 17430b 174e78 1048c0 1fd1f5'],
  ['https://cam.example/watch/webcam', '1fcc927f 105a7f41 174ad55d 174ee65d 1756465d 104b8341 1fd5557f 9dd00 15416812 1f8761c9 3ec84c7 b232912 19471fcb e16b069 3d7783b 15b5df9a 14e279cb 9f6dcd 13c98973 9ae3f2a 16fc3bf0 179b17 1fc3435b 104bed1a 175e59f1 174c5a37 1753cd39 104d0952 1fdbdbd3'],
  ['https://camera-at-home.example.org:8443/porthole/watch/front.door_camera-2?lang=zh&policy=relay#token=0123456789abcdef0123456789abcdef0123456789abcdef', '1fcf1d216017f 1048e46c8df41 1755eb01d835d 17516232e3a5d 1755bcfe4085d 105a0e4625441 1fd555555557f 1e4044fca00 17c9a17c6b97c b3fbe0b5a268 d7586163d481 a85c0ad90c12 753ac5ca332d ba49b98e3852 ef531753e51b 62fef01789f1 1cd865fa0776c 5b662b3430d0 1fa46ec8de0b 12965905b2d32 16db07f22bb45 1bab5480fb874 11f06d7d0e5f7 31c34c594d11 3581bd427f56 3150c45f1b16 1dfbc07d3fdfd e3e31af14401 1e4be04ca9a7f 7b050b0f3b00 1c49d93a3d643 1595e6d570980 bfdcfe28bebf a09e49c532a0 115fac68ace6b 235e595d6930 c498f42c1b35 680acf7e3968 8e502319ccfb e1b77dfd2932 1c7d53fc6fffe 1808c5d3912 1fc6c15505555 105489c7d8119 1758f1fce3df7 175402c6c09f3 17593e1b15e2c 104a4279d25c9 1fd003b661287'],
];

test('codes are those of another encoder, module by module', () => {
  for (const [text, rows] of known) {
    const ours = encode(text).map((row) => BigInt(`0b${row.map(Number).join('')}`).toString(16));
    assert.deepEqual(ours, rows.split(' '), text);
  }
});

test('the size grows with the text, counted in bytes', () => {
  assert.equal(encode('a'.repeat(14)).length, 21);
  assert.equal(encode('a'.repeat(15)).length, 25);
  assert.equal(encode('摄像头相机').length, 25, '15 bytes');
  assert.equal(encode('a'.repeat(666)).length, 97);
});

test('what does not fit is refused, not cut off', () => {
  assert.throws(() => encode('a'.repeat(667)), RangeError);
});
