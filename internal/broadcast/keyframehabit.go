package broadcast

import "time"

const (
	// maxKeyframeGap is how far apart keyframes may be.
	maxKeyframeGap = 4 * time.Second
	// keyframeAnswer is how long a keyframe may take that was asked for; keyframeTries is
	// how often it is, one after the other, because a request can be lost.
	keyframeAnswer = time.Second
	keyframeTries  = 3
	// confirmAfter is when, after a keyframe that came late, or as if it were an answer,
	// another one is asked for: one that comes by itself is not due then.
	confirmAfter = maxKeyframeGap - keyframeTries*keyframeAnswer - 2*judgeEvery
	// keyframeAnswers are proof of a publisher that answers.
	keyframeAnswers = 2
	// doubtEvery is how often a publisher that does not answer is asked again.
	doubtEvery = 30 * time.Second
	// gapTold is how long a gap that was too long is told after its end.
	gapTold = 10 * time.Second
	// neverAfter is when a publisher that has sent keyframes is taken to send no more, unless
	// they were far apart before.
	neverAfter = 20 * time.Second
)

// keyframeHabit learns when a publisher sends keyframes. Browsers send one a minute by
// themselves and hurt nobody, because they send one whenever they are asked; OBS and FFmpeg
// do not. So when none has come for too long, one is asked for, and another one at a time
// when none would come by itself:
//
//	keyframe ─ 4 s ─► ask, thrice at most ─► none: it does not answer
//	                   └─► keyframe ─ 0.5 s ─► ask likewise ─► none: it does not answer
//	                                            └─► keyframe: it answers, and is not asked again
//
// Times are health.watched. It belongs to the layer's writer.
type keyframeHabit struct {
	count   uint64        // keyframes so far
	last    time.Duration // when the newest came
	gap     time.Duration // between the last two
	longest time.Duration // between any two
	wide    time.Duration // when a gap was too long; 0: never

	refreshes bool // recovery points have come since the last keyframe

	tries     int // requests since the doubt began; 0: there is none
	askedAt   time.Duration
	answers   int // keyframes that came when they were asked for
	deaf      bool
	doubtedAt time.Duration
}

// came notes a keyframe.
func (k *keyframeHabit) came(watched time.Duration) {
	if k.count > 0 {
		k.gap = watched - k.last
		k.longest = max(k.longest, k.gap)
	}
	if k.gap > maxKeyframeGap {
		k.wide = watched
	}
	k.count++
	k.last, k.refreshes = watched, false
	if k.tries == 0 {
		return
	}
	k.tries = 0
	k.answers = min(k.answers+1, keyframeAnswers)
	k.deaf = k.deaf && k.answers < keyframeAnswers
}

// refreshed notes a recovery point: a decoder can begin there, and browsers do not.
func (k *keyframeHabit) refreshed() { k.refreshes = true }

// age is how long ago the newest keyframe is, or the beginning.
func (k *keyframeHabit) age(watched time.Duration) time.Duration { return watched - k.last }

// doubt says that the publisher is to be asked for a keyframe now, to see whether it
// answers. unanswered: viewers have asked, and wait for longer than an answer takes.
func (k *keyframeHabit) doubt(watched time.Duration, unanswered bool) bool {
	age := k.age(watched)
	if age > maxKeyframeGap {
		k.wide = watched
		if unanswered && k.answers == keyframeAnswers {
			k.answers = 0
		}
	}
	switch {
	case k.tries > 0 && watched-k.askedAt < keyframeAnswer:
		return false
	case k.tries == keyframeTries:
		k.deaf, k.answers, k.tries, k.doubtedAt = true, 0, 0, watched
		return false
	case k.tries > 0:
	case k.answers == keyframeAnswers,
		k.answers > 0 && age < confirmAfter,
		k.answers == 0 && age <= maxKeyframeGap && (k.gap <= maxKeyframeGap || age < confirmAfter),
		k.answers == 0 && k.deaf && watched-k.doubtedAt < doubtEvery:
		return false
	}
	k.tries++
	k.askedAt = watched
	return true
}

// never says that no keyframes come.
func (k *keyframeHabit) never(watched time.Duration) bool {
	age := k.age(watched)
	return k.deaf && age > maxKeyframeGap &&
		(k.count == 0 || k.count == 1 && k.refreshes || age > neverAfter && age > 2*k.longest)
}

// seldom says that keyframes are too far apart.
func (k *keyframeHabit) seldom(watched time.Duration) bool {
	return k.deaf && k.wide > 0 && watched-k.wide <= gapTold
}
