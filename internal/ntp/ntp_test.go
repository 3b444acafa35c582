package ntp_test

import (
	"testing"
	"time"

	"porthole/internal/ntp"
)

func TestTimestamp(t *testing.T) {
	for _, test := range []struct {
		timestamp uint64
		time      time.Time
	}{
		{2208988800 << 32, time.Unix(0, 0)},
		{(2208988800+1700000000)<<32 | 1<<31, time.Unix(1700000000, 500_000_000)},
	} {
		if got := ntp.Time(test.timestamp); !got.Equal(test.time) {
			t.Errorf("Time(%x) = %v, want %v", test.timestamp, got, test.time)
		}
		if got := ntp.Timestamp(test.time); got != test.timestamp {
			t.Errorf("Timestamp(%v) = %x, want %x", test.time, got, test.timestamp)
		}
	}
}

func TestThereAndBack(t *testing.T) {
	begin := time.Unix(1700000000, 0)
	for nanos := range time.Duration(1000) {
		at := begin.Add(nanos * 999_983)
		if off := at.Sub(ntp.Time(ntp.Timestamp(at))); off < 0 || off > time.Nanosecond {
			t.Errorf("%v is off by %v", at, off)
		}
	}
}
