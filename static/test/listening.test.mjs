import test from 'node:test';
import assert from 'node:assert/strict';

import { Gate } from '../pages/listening.js';

test('the gate opens for what is loud, and closes when it has been quiet for a while', () => {
  const gate = new Gate();
  const heard = [[0, 0.1], [100, 0.5], [200, 0.1], [1_600, 0.1], [1_601, 0.1], [1_700, 0.49], [1_800, 0.6]].map(([now, level]) => gate.isOpen(level, 0.5, now));
  assert.deepEqual(heard, [false, true, true, true, false, false, true]);
});

test('without a threshold everything is heard', () => {
  assert.equal(new Gate().isOpen(0, 0, 5), true);
});
