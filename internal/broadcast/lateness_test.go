package broadcast_test

import (
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/broadcast"
)

// The time from a complete picture to its last viewer is measured, also while a
// round of serving is stuck.
func TestLatenessIsMeasured(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.run(time.Second)
		_, s := watch(t, b, nil)
		cam.run(time.Second)
		synctest.Wait()
		quick := b.Lateness()[0]
		if quick.Rounds < 25 || quick.Total != 0 || quick.Waiting != 0 {
			t.Errorf("a sender that is never late: %+v", quick)
		}
		const slow = 10 * time.Millisecond // a packet
		s.set(func(s *sink) { s.delay = slow })
		cam.picture()
		time.Sleep(slow + slow/2)
		if got := b.Lateness()[0]; got.Waiting != slow+slow/2 || got.Rounds != quick.Rounds {
			t.Errorf("while the picture is being sent: %+v", got)
		}
		time.Sleep(time.Second)
		got := b.Lateness()[0]
		if got.Rounds != quick.Rounds+1 || got.Total != frameParts*slow || got.Waiting != 0 {
			t.Errorf("after a picture that took %v: %+v", frameParts*slow, got)
		}
	})
}
