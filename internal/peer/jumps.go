package peer

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	// freeJump is how far a sequence number may be ahead of the newest one at no charge: what
	// comes after a short burst of losses. A retransmission is behind by nackHistory at most.
	freeJump = 64
	// jumpsPerSecond is how many numbers the others may leave out, in the long run, and
	// jumpsBurst at once: who comes back after a minute without a network jumps once, by
	// 32,767 at most.
	jumpsPerSecond = 16 << 10
	jumpsBurst     = 64 << 10
)

// jumps bounds how far the sequence numbers of a publisher go to and fro. Whoever reports on
// them looks at each number that was left out, so that a packet which leaves out 32,767 costs
// as much as a hundred others.
type jumps struct {
	started bool
	newest  uint16 // that was affordable
	budget  *rate.Limiter
}

func newJumps() *jumps { return &jumps{budget: rate.NewLimiter(jumpsPerSecond, jumpsBurst)} }

// affordable says whether a number can be reported on.
func (j *jumps) affordable(number uint16) bool {
	ahead := int(int16(number - j.newest)) //nolint:gosec // serial number arithmetic
	if j.started && (ahead > freeJump || ahead < -nackHistory) && !j.budget.AllowN(time.Now(), max(ahead, -ahead)) {
		return false
	}
	if !j.started || ahead > 0 {
		j.started, j.newest = true, number
	}
	return true
}
