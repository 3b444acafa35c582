package sse_test

import (
	"errors"
	"net/netip"
	"testing"

	"porthole/internal/sse"
)

func TestLimit(t *testing.T) {
	one, two, three := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	network := [2]netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}
	l := sse.NewLimit(2, 5)
	enter := func(client netip.Addr, want error) func() {
		t.Helper()
		leave, err := l.Enter(client)
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v, want %v", client, err, want)
		}
		return leave
	}
	leaveOne := enter(one, nil)
	enter(one, nil)
	enter(one, sse.ErrClientFull)
	enter(network[0], nil)
	enter(network[1], nil)
	enter(network[0], sse.ErrClientFull) // a /64 is one client
	leaveTwo := enter(two, nil)
	enter(three, sse.ErrFull)
	leaveTwo()
	enter(three, nil)
	enter(one, sse.ErrClientFull) // which it can do something about, before what it cannot
	leaveOne()
	enter(one, nil)
}

func TestNoLimit(t *testing.T) {
	for _, l := range []*sse.Limit{nil, sse.NewLimit(0, 0)} {
		for range 10_000 {
			if _, err := l.Enter(netip.Addr{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
