package ratelimit_test

import (
	"net/netip"
	"testing"
	"time"

	"porthole/internal/ratelimit"
)

func TestNeighboursShareOneBucket(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::2", true}, // of one /64
		{"2001:db8::1", "2001:db8:0:1::1", false},
	} {
		b := ratelimit.New(1, 1)
		now := time.Now()
		one, other := b.Of(netip.MustParseAddr(tt.a), now), b.Of(netip.MustParseAddr(tt.b), now)
		if (one == other) != tt.same {
			t.Errorf("%s and %s: one bucket is %v, want %v", tt.a, tt.b, one == other, tt.same)
		}
	}
}

func TestLookingMakesNoBucket(t *testing.T) {
	b, addr := ratelimit.New(1, 2), netip.MustParseAddr("192.0.2.1")
	if _, full := b.Full(addr); !full || b.Len() != 0 {
		t.Errorf("of a stranger: full %v, %d buckets", full, b.Len())
	}
	now := time.Now()
	b.Of(addr, now).AllowN(now, 2)
	if bucket, full := b.Full(addr); full || bucket.TokensAt(now) >= 1 {
		t.Error("an empty bucket counts as full")
	}
}
